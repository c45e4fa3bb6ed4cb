import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCredits } from "../src/credits.ts";
import * as format from "../src/format.ts";
import { comparison, entryWords, sourceWords } from "../src/words.ts";
import { entry } from "./answers.ts";

test("large amounts are written without losing a digit", () => {
	const digits = (text: string) => text.replace(/\D/g, "");
	assert.equal(digits(format.credits(parseCredits("98765432109876.123456"))), "98765432109876123456");
	const [whole, fraction] = format.creditsInTwo(parseCredits("98765432109876.123456"));
	assert.equal(digits(whole), "98765432109876");
	assert.equal(digits(fraction), "123456");
	assert.deepEqual(format.creditsInTwo(parseCredits("7")), [format.credits(parseCredits("7")), ""]);
});

test("a total is compared in words", () => {
	const words = (now: string, before: string) =>
		comparison(parseCredits(now), parseCredits(before), "the month before");
	assert.match(words("112", "100"), /^12\s?% more than in the month before\.$/);
	assert.match(words("99.5", "100"), /^0[.,]5\s?% less than in the month before\.$/);
	assert.match(words("500", "100"), /^5 times as much as in the month before\.$/);
	assert.equal(words("100", "100"), "The same as in the month before.");
	assert.equal(words("100.001", "100"), "About the same as in the month before.");
	assert.equal(words("1", "0"), "Nothing was used in the month before.");
	assert.equal(words("0", "0"), "As in the month before, nothing was used.");
});

test("what the page does not know yet is said in plain words", () => {
	assert.equal(sourceWords("auto_refill"), "Automatic refill");
	assert.equal(sourceWords("loyalty_bonus"), "Loyalty bonus");
	assert.equal(entryWords(entry("expiry")), "Credits expired");
	assert.equal(entryWords(entry("account_merger" as "expiry")), "Account merger");
});
