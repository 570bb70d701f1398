import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, type Catalogue } from "../src/api";
import { IDLE_SECONDS, Live, POLL_MS, SLOWEST_POLL_MS, STALE_MS } from "../src/live";

const CATALOGUE: Catalogue = { runs: [] };
const START = 1_790_000_000_000;

interface Watched {
  readonly live: Live;
  readonly read: ReturnType<typeof vi.fn<(signal: AbortSignal) => Promise<Catalogue>>>;
  readonly tell: ReturnType<typeof vi.fn<(catalogue: Catalogue) => void>>;
  readonly fail: ReturnType<typeof vi.fn<(error: ApiError) => void>>;
}

function watched(answer: () => Promise<Catalogue> = async () => CATALOGUE): Watched {
  const read = vi.fn((_signal: AbortSignal) => answer());
  const tell = vi.fn((_catalogue: Catalogue) => undefined);
  const fail = vi.fn((_error: ApiError) => undefined);
  return { live: new Live({ read, tell, fail }), read, tell, fail };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(START);
});
afterEach(() => {
  vi.useRealTimers();
});

describe("polling", () => {
  it("asks at once when it is seen, and then every two seconds", async () => {
    const { live, read, tell } = watched();
    expect(read).not.toHaveBeenCalled();
    live.visible = true;
    await vi.advanceTimersByTimeAsync(3 * POLL_MS);
    expect(read).toHaveBeenCalledTimes(4);
    expect(tell).toHaveBeenCalledTimes(4);
    live.stop();
  });

  it("rests while nobody looks, and aborts what is under way", async () => {
    const { live, read, tell } = watched(() => new Promise(() => undefined));
    live.visible = true;
    live.visible = false;
    expect(read.mock.calls[0]?.[0].aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(read).toHaveBeenCalledOnce();
    expect(tell).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("reads once what is newly wanted while updates are held", async () => {
    const { live, read } = watched();
    live.visible = true;
    await vi.advanceTimersByTimeAsync(0);
    live.held = true;
    live.poke();
    expect(read).toHaveBeenCalledTimes(1);
    live.again();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(read).toHaveBeenCalledTimes(2);
    live.stop();
  });

  it("asks at once when it is seen again", async () => {
    const { live, read } = watched();
    live.visible = true;
    await vi.advanceTimersByTimeAsync(0);
    live.visible = false;
    await vi.advanceTimersByTimeAsync(60_000);
    live.visible = true;
    expect(read).toHaveBeenCalledTimes(2);
    live.stop();
  });

  it("never asks twice at a time, however often it is poked", async () => {
    const { live, read } = watched(() => new Promise(() => undefined));
    live.visible = true;
    live.poke();
    live.poke();
    const open = read.mock.calls.filter(([signal]) => !signal.aborted);
    expect(open).toHaveLength(1);
    live.stop();
  });

  it("asks ever more seldom of a server that fails, and as before once it answers", async () => {
    let broken = true;
    const error = new ApiError("gone", 0, "unreachable");
    const { live, read, fail, tell } = watched(async () => {
      if (broken) throw error;
      return CATALOGUE;
    });
    live.visible = true;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fail).toHaveBeenCalledWith(error);
    expect(read.mock.calls.length).toBeLessThan(8);
    broken = false;
    await vi.advanceTimersByTimeAsync(SLOWEST_POLL_MS);
    expect(tell).toHaveBeenCalled();
    const before = read.mock.calls.length;
    await vi.advanceTimersByTimeAsync(5 * POLL_MS);
    expect(read.mock.calls.length - before).toBeGreaterThanOrEqual(4);
    live.stop();
  });
});

describe("what is said of it", () => {
  const seconds = (): number => Date.now() / 1000;

  it("is live while new records come, and at rest when none do", async () => {
    const { live } = watched();
    live.visible = true;
    expect(live.liveness(null)).toBe("starting");
    await vi.advanceTimersByTimeAsync(0);
    expect(live.liveness(seconds() - 2)).toBe("live");
    expect(live.liveness(seconds() - IDLE_SECONDS - 1)).toBe("idle");
    live.stop();
  });

  it("is stale when no answer has come for long, and not before", async () => {
    let broken = false;
    const { live } = watched(async () => {
      if (broken) throw new ApiError("gone", 0, "unreachable");
      return CATALOGUE;
    });
    live.visible = true;
    await vi.advanceTimersByTimeAsync(0);
    broken = true;
    await vi.advanceTimersByTimeAsync(STALE_MS - 1);
    expect(live.liveness(seconds())).toBe("live");
    await vi.advanceTimersByTimeAsync(2);
    expect(live.liveness(seconds())).toBe("stale");
    expect(live.silence).toBeGreaterThan(STALE_MS);
    live.stop();
  });

  it("is stale too when the very first answer never comes", async () => {
    const { live } = watched(() => new Promise(() => undefined));
    live.visible = true;
    await vi.advanceTimersByTimeAsync(STALE_MS + 1);
    expect(live.liveness(null)).toBe("stale");
    live.stop();
  });

  it("is paused when the reader has stopped it or nobody looks, and not stale right after", async () => {
    const { live, read } = watched();
    live.visible = true;
    await vi.advanceTimersByTimeAsync(0);
    live.held = true;
    expect(live.liveness(seconds())).toBe("paused");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(read).toHaveBeenCalledOnce();
    live.held = false;
    expect(live.liveness(seconds())).toBe("live");
    live.visible = false;
    expect(live.liveness(seconds())).toBe("paused");
  });
});
