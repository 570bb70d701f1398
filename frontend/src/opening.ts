/**
 * Entry of a bundle so small that it runs while the panel's is still being read: it asks for what the
 * first picture is made of, which the panel would ask for a tenth of a second later. The two share
 * nothing but the answers: a common part would be one more file to wait for.
 */

import { addressOf } from "./address";
import type { Catalogue } from "./api";
import { Host } from "./host";
import { overviewQuery } from "./overview_query";
import { firstRuns } from "./selection";
import type { State } from "./state";
import { fromParameters } from "./url";

/**
 * Adds answers to those that the panel will be given.
 * @param early has the answer that brings the catalogue, and nothing else
 */
export async function begin(early: Map<string, Promise<Response>>): Promise<void> {
  const state = fromParameters(new Host().readAddress());
  const [catalogue] = early.values();
  const copy = (await catalogue)?.clone();
  if (copy?.ok !== true) return;
  for (const address of wantedFirst((await copy.json()) as Catalogue, state)) {
    const answer = fetch(address, { cache: "no-store" });
    answer.catch(() => undefined);
    early.set(address, answer);
  }
}

/** Full addresses of the runs that the panel will show first, and of what it draws of them. */
export function wantedFirst(catalogue: Catalogue, { runs, view }: State, base = document.baseURI): string[] {
  return (runs ?? firstRuns(catalogue) ?? []).flatMap((run) => {
    const contents = addressOf("contents", { run });
    const wanted = view === "overview" ? [contents, addressOf("overview", overviewQuery(run))] : [contents];
    return wanted.map((address) => new URL(address, base).href);
  });
}
