/** ← and → inside a group of radio buttons choose, as they do in native ones. */
export function radioKeys(event: KeyboardEvent): void {
  const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (by === 0) return;
  event.preventDefault();
  const buttons = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role=radio]")];
  const here = buttons.indexOf(event.target as HTMLElement);
  const next = buttons[(here + by + buttons.length) % buttons.length];
  next?.click();
  next?.focus();
}
