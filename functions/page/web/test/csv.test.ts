import assert from "node:assert/strict";
import { test } from "node:test";
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

test("a name never becomes a formula", () => {
	for (const name of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "|x", "%x"]) {
		const cell = csv(["name"], [[name]]).slice("name\r\n".length);
		assert.ok(cell.startsWith("'") || cell.startsWith("\"'"), JSON.stringify(cell));
	}
	assert.equal(csv(["n"], [["=A1,B1"]]), 'n\r\n"\'=A1,B1"\r\n');
	assert.equal(csv(["n"], [["a=b"]]), "n\r\na=b\r\n");
	assert.equal(csv(["n"], [[parseCredits("-12.5")]]), "n\r\n-12.5\r\n"); // a number may be negative
});

test("files are called after what they hold and of when", () => {
	assert.equal(
		fileName("agents", { from: "2026-10-26", to: "2026-11-24" }),
		"drawdown-agents-2026-10-26-2026-11-24.csv",
	);
});
