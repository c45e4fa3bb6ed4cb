// Tables as CSV (RFC 4180), safe to open in a spreadsheet. The API writes its tables
// by the same rule; its testdata/csv.json holds both to it.

import { decimal, type Micro } from "./credits.ts";
import type { Range } from "./days.ts";

/** A bigint is an amount in millionths and becomes its exact decimal; null is an empty cell. */
export type Cell = string | number | Micro | null;

/** The start of a text that a spreadsheet would read as a formula. Users choose names. */
const formula = /^[\t-\r\p{Z}\ufeff]*[=+\-@|%\t\r\n]/u;

function cellText(cell: Cell): string {
	switch (typeof cell) {
		case "bigint":
			return decimal(cell);
		case "number":
			return String(cell);
		case "string": {
			const text = formula.test(cell) ? `'${cell}` : cell;
			return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
		}
		default:
			return "";
	}
}

export function csv(header: string[], rows: Cell[][]): string {
	return [header, ...rows].map((row) => `${row.map(cellText).join(",")}\r\n`).join("");
}

export function fileName(what: string, range: Range): string {
	return `drawdown-${what}-${range.from}-${range.to}.csv`;
}

/** Without it, a spreadsheet may assume another encoding. */
const byteOrderMark = "\ufeff";

/** Saves a file through the browser. */
export function download(name: string, text: string): void {
	const url = URL.createObjectURL(new Blob([byteOrderMark, text], { type: "text/csv;charset=utf-8" }));
	const link = document.createElement("a");
	link.href = url;
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
