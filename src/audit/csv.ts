// Comma-separated values as RFC 4180 has them, safe to be opened by a spreadsheet.

/** What makes a spreadsheet take a text for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** A text that others wrote, so that no spreadsheet computes it: an apostrophe is put before what would be a formula. */
export const foreignCell = (text: string): string => (FORMULA.test(text) ? `'${text}` : text);

/** A record, with its line's end. */
export const csvRecord = (cells: readonly string[]): string =>
  `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\r\n`;
