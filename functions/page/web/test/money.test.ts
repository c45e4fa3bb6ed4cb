import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCredits } from "../src/credits.ts";
import { point, readNumber, written } from "../src/format.ts";
import {
	fieldText,
	major,
	moneyWords,
	mostMoney,
	offerWords,
	perCreditWords,
	rateWords,
	readMoney,
} from "../src/money.ts";

const of = (amount: number, currency = "usd") => ({ amount, currency });
const field = (plain: string) => plain.replace(".", point);

test("an amount has the decimals of its currency", () => {
	assert.equal(major(of(2500)), "25.00");
	assert.equal(major(of(5)), "0.05");
	assert.equal(major(of(2500, "jpy")), "2500");
	assert.equal(major(of(2500, "kwd")), "2.500");
	assert.equal(major(of(2500, "isk")), "25.00"); // counted in hundredths by the processor
	assert.equal(major(of(2500, "mga")), "2500");
});

test("what is written into a field is read without loss", () => {
	for (const money of [of(0), of(1), of(10), of(2500), of(10050), of(mostMoney), of(7, "jpy"), of(1234, "kwd")]) {
		assert.deepEqual(readMoney(fieldText(money), money.currency), money);
	}
	assert.equal(fieldText(of(10000)), "100");
	assert.equal(fieldText(of(10050)), field("100.50"));
	assert.deepEqual(readMoney(field(" 0.29 "), "usd"), of(29)); // 28.999… as a float
	assert.deepEqual(readMoney(field("1.1"), "usd"), of(110));
});

test("what is no amount of the currency is refused", () => {
	for (const text of ["", "-1", "+1", "1e3", "x", field("1.234"), field("1."), field(".5"), field("1.2.3"), "1 000"]) {
		assert.equal(readMoney(text, "usd"), null, text);
	}
	assert.equal(readMoney(field("1.5"), "jpy"), null);
	assert.equal(readMoney("1000000", "usd"), null); // more than the API takes
	assert.equal(readMoney("12,345".replace(",", point === "." ? "," : "."), "usd"), null); // a thousand, or a fraction?
});

test("numbers are read as the reader writes them", () => {
	assert.equal(readNumber(written("50.5")), "50.5");
	assert.equal(readNumber("50"), "50");
	assert.equal(readNumber("fifty"), null);
});

const plain = (text: string) => text.replace(/[^\d.,-]/g, "").replace(",", ".");

test("prices are written by their currency", () => {
	assert.equal(plain(moneyWords(of(180))), "1.80");
	assert.equal(plain(moneyWords(of(2500), -1)), "-25.00");
	assert.equal(plain(offerWords(of(4900))), "49");
	assert.equal(plain(offerWords(of(4950))), "49.50");
	assert.equal(plain(offerWords(of(350, "jpy"))), "350");
	assert.equal(plain(rateWords("1.5", "usd")), "0.015");
	assert.equal(plain(rateWords("2", "jpy")), "2");
	assert.equal(plain(rateWords("0.000001", "usd")), "0.00000001");
});

test("the price of one credit is seen, however small", () => {
	assert.equal(plain(perCreditWords(of(2500), parseCredits("500"))), "0.05");
	assert.equal(plain(perCreditWords(of(4900), parseCredits("5000"))), "0.0098");
	assert.equal(plain(perCreditWords(of(100), parseCredits("3"))), "0.3333");
	assert.equal(plain(perCreditWords(of(200), parseCredits("3"))), "0.6667");
	assert.equal(plain(perCreditWords(of(1), parseCredits("1000000"))), "0.00000001");
	assert.equal(plain(perCreditWords(of(3500, "jpy"), parseCredits("1000"))), "3.5");
	assert.equal(perCreditWords(of(100), 0n), "");
});
