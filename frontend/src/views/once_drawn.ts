/** The first picture comes sooner when it is made of what is in sight, and the rest follows it. */

/** Calls `then` once the frame that is being made now has been handed to the screen. */
export function onceDrawn(then: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(then));
}
