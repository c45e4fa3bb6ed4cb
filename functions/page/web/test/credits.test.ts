import assert from "node:assert/strict";
import { test } from "node:test";
import { byMicro, decimal, parseCredits, sum, thousandths } from "../src/credits.ts";

test("decimals of the API are read and written without loss", () => {
	for (const text of [
		"0",
		"12.5",
		"-12.5",
		"0.000001",
		"-0.000001",
		"9223372036854.775807",
		"98765432109876543210.123456",
	]) {
		assert.equal(decimal(parseCredits(text)), text);
	}
	assert.equal(decimal(parseCredits("1.500000")), "1.5");
	assert.equal(parseCredits("0.1") + parseCredits("0.2"), parseCredits("0.3"));
});

test("what is no decimal is refused", () => {
	for (const text of ["", "1e3", "1.", ".5", "1,5", "+1", "1.1234567", "NaN", "--1", " 1"]) {
		assert.throws(() => parseCredits(text), text);
	}
});

test("sums and comparisons are exact where floats are not", () => {
	const large = parseCredits("9007199254740993");
	assert.equal(sum([large, 1n, -1n]), large);
	assert.equal(byMicro(large, large + 1n), -1);
	assert.equal(byMicro(large + 1n, large), 1);
	assert.equal(byMicro(large, large), 0);
});

test("shares are rounded half up, whatever the size", () => {
	const share = (part: string, whole: string) => thousandths(parseCredits(part), parseCredits(whole));
	assert.equal(share("41", "100"), 410);
	assert.equal(share("1", "3"), 333);
	assert.equal(share("2", "3"), 667);
	assert.equal(share("0.0005", "1"), 1);
	assert.equal(share("0.000499", "1"), 0);
	assert.equal(share("-1", "4"), -250);
	assert.equal(share("-1", "3"), -333);
	assert.equal(share("9007199254740993", "9007199254740993"), 1000);
	assert.equal(share("1", "0"), null);
	assert.equal(share("1", "-1"), null);
});
