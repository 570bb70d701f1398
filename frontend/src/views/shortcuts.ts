/** What the keys mean everywhere in the panel. */

/**
 * `play` starts and stops the timeline, a number moves the cursor by so many recorded steps; null
 * leaves the key to whoever has the focus.
 */
export function shortcutOf(event: KeyboardEvent): "play" | number | null {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return null;
  const target = event.composedPath()[0];
  if (target instanceof HTMLElement && target.matches("input, select, textarea, pre")) return null;
  const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (by !== 0) return event.shiftKey ? 10 * by : by;
  // Space presses a button that has the focus; elsewhere it plays.
  const pressable = target instanceof HTMLElement && target.matches("button, summary, a, label");
  return event.key === " " && !pressable ? "play" : null;
}
