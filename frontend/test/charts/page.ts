/**
 * What happy-dom lacks for charts to stand in it: a layout, and canvases. Nothing is drawn here;
 * what the pixels are is looked at in a browser.
 */

export const WIDTH = 666; // 600 px of plot between the margins of 52 and 14.
export const HEIGHT = 300;

/** Every call on a drawing surface, in order. */
export const drawn: { name: string; args: unknown[] }[] = [];

class Path {
  addPath(): void {}
  arc(): void {}
  bezierCurveTo(): void {}
  closePath(): void {}
  lineTo(): void {}
  moveTo(): void {}
  rect(): void {}
}

function surfaceOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const values: Record<string, unknown> = {
    canvas,
    measureText: (text: string) => ({ width: 6 * text.length }),
  };
  return new Proxy(values, {
    get: (_target, name: string) =>
      name in values
        ? values[name]
        : (...args: unknown[]) => {
            drawn.push({ name, args });
          },
  }) as unknown as CanvasRenderingContext2D;
}

export function furnishPage(): void {
  const prototype = HTMLElement.prototype;
  Object.defineProperty(prototype, "clientWidth", { get: () => WIDTH });
  Object.defineProperty(prototype, "clientHeight", { get: () => HEIGHT });
  // uPlot writes the place of its parts into their style.
  prototype.getBoundingClientRect = function place(this: HTMLElement) {
    const { left, top, width, height } = this.style;
    const length = (text: string) => Number.parseFloat(text) || 0;
    return new DOMRect(length(left), length(top), length(width), length(height));
  };
  const surfaces = new WeakMap<HTMLCanvasElement, CanvasRenderingContext2D>();
  HTMLCanvasElement.prototype.getContext = function context(this: HTMLCanvasElement) {
    if (!surfaces.has(this)) surfaces.set(this, surfaceOf(this));
    return surfaces.get(this);
  } as unknown as typeof HTMLCanvasElement.prototype.getContext;
  // The picture is its size, as text.
  HTMLCanvasElement.prototype.toBlob = function blob(this: HTMLCanvasElement, callback) {
    callback(new Blob([`${this.width} × ${this.height}`]));
  };
  Object.assign(globalThis, {
    Path2D: Path,
    ImageData: class {
      constructor(
        readonly data: Uint8ClampedArray,
        readonly width: number,
        readonly height: number,
      ) {}
    },
  });
}
