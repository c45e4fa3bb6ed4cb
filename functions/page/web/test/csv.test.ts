import assert from "node:assert/strict";
import { test } from "node:test";
import rule from "../../../../shared/httpapi/testdata/csv.json";
import { parseCredits } from "../src/credits.ts";
import { csv, fileName } from "../src/csv.ts";

test("rows are those of RFC 4180, with exact decimals", () => {
	const text = csv(
		["name", "credits", "count"],
		[
			["Support", parseCredits("98765432109.123456"), 12],
			['say "hi", twice', parseCredits("-0.5"), 0],
			["two\nlines", 0n, null],
		],
	);
	assert.equal(
		text,
		'name,credits,count\r\nSupport,98765432109.123456,12\r\n"say ""hi"", twice",-0.5,0\r\n"two\nlines",0,\r\n',
	);
});

test("texts are written by the rule of the API", () => {
	assert.ok(rule.cells.length >= 20);
	for (const { text, written } of rule.cells) {
		assert.equal(csv([text], []), `${written}\r\n`, JSON.stringify(text));
	}
	const [header = [], ...rows] = rule.table.rows;
	assert.equal(csv(header, rows), rule.table.written);
});

test("a name never becomes a formula, and a number is none", () => {
	for (const start of ["=", "+", "-", "@", "|", "%", "\t", "\r", "\n", " =", "\u00a0="]) {
		const cell = csv(["name"], [[`${start}1`]]).slice("name\r\n".length);
		assert.ok(cell.startsWith("'") || cell.startsWith("\"'"), JSON.stringify(cell));
	}
	assert.equal(csv(["n"], [[parseCredits("-12.5"), -1]]), "n\r\n-12.5,-1\r\n");
});

test("files are called after what they hold and of when", () => {
	assert.equal(
		fileName("agents", { from: "2026-10-26", to: "2026-11-24" }),
		"drawdown-agents-2026-10-26-2026-11-24.csv",
	);
});
