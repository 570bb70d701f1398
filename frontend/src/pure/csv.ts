/** Writes tables as RFC 4180: CRLF, a header line, quotes only where they are needed. */

export type Cell = string | number;

/**
 * The table as text. Numbers are written with all their digits, float32 with as many as float32
 * holds; NaN and infinities as `NaN`, `Infinity`, `-Infinity`.
 */
export function toCsv(header: readonly string[], rows: Iterable<readonly Cell[]>): string {
  const lines = [header.map(field).join(",")];
  for (const row of rows) lines.push(row.map(field).join(","));
  return lines.join("\r\n") + "\r\n";
}

/** The shortest decimal that reads back as the same float32: `0.1`, not `0.10000000149011612`. */
export function float32Text(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(Number(value.toPrecision(9)));
}

// A cell that begins so is run as a formula by spreadsheets, and run names are hostile text.
const FORMULA = /^[=+\-@\t\r]/;

function field(cell: Cell): string {
  if (typeof cell === "number") return String(cell);
  // Text made from numbers is let through: "-1" is a number, "-cmd" is not.
  const text = FORMULA.test(cell) && Number.isNaN(Number(cell)) && cell !== "-Infinity" ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
