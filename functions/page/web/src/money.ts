// Money is a whole number of a currency's minor unit, as at the payment processor.
// Parsing and formatting are exact: they use no fractional numbers.

import { type Micro, parseCredits } from "./credits.ts";
import { price, readNumber, written } from "./format.ts";
import type { Money } from "./wire.ts";

/** The currencies that have no minor unit. */
const whole = new Set("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(" "));
/** Those whose minor unit is a thousandth. */
const thousandth = new Set("bhd jod kwd omr tnd".split(" "));

/** The largest amount that the API accepts, in minor units. */
export const mostMoney = 99_999_999;

/** How many decimals an amount has. */
export function digitsOf(currency: string): number {
	return whole.has(currency) ? 0 : thousandth.has(currency) ? 3 : 2;
}

/** A whole number with its last digits after a decimal point. */
function shifted(amount: bigint, digits: number): string {
	const size = amount < 0n ? -amount : amount;
	const text = size.toString().padStart(digits + 1, "0");
	const sign = amount < 0n ? "-" : "";
	return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** An amount in major units, as a plain decimal. */
export function major(money: Money): string {
	return shifted(BigInt(money.amount), digitsOf(money.currency));
}

/** An amount in the reader's locale. */
export function moneyWords(money: Money, sign: 1 | -1 = 1): string {
	const digits = digitsOf(money.currency);
	return price(shifted(BigInt(sign) * BigInt(money.amount), digits), money.currency, digits);
}

/** A price as shown on an offer: without decimals if they are zeros. */
export function offerWords(money: Money): string {
	const digits = digitsOf(money.currency);
	const even = money.amount % 10 ** digits === 0;
	return price(major(money), money.currency, even ? 0 : digits);
}

/** An amount as shown in a field. */
export function fieldText(money: Money): string {
	const text = major(money);
	return written(text.replace(/\.0+$/, ""));
}

/** Parses a field; null if it is not an amount of the currency. */
export function readMoney(text: string, currency: string): Money | null {
	const digits = digitsOf(currency);
	const [units = "", fraction = ""] = (readNumber(text) ?? "").split(".");
	if (units === "" || fraction.length > digits) {
		return null;
	}
	const amount = BigInt(units + fraction.padEnd(digits, "0"));
	return amount > BigInt(mostMoney) ? null : { amount: Number(amount), currency };
}

const finest = 6; // decimals of a minor unit that prices of one credit have

/** The price of one credit given in minor units, such as "1.5". */
export function rateWords(perCredit: string, currency: string): string {
	const digits = digitsOf(currency);
	return price(shifted(parseCredits(perCredit), digits + finest), currency, digits, digits + finest);
}

/** What one credit of a pack costs, to a hundredth of the minor unit, or as finely as needed to be above zero. */
export function perCreditWords(money: Money, credits: Micro): string {
	if (credits <= 0n) {
		return "";
	}
	const scaled = BigInt(money.amount) * 10n ** BigInt(2 * finest);
	const each = (2n * scaled + credits) / (2n * credits); // rounded half up
	const digits = digitsOf(money.currency);
	const decimals = each < 10n ** BigInt(finest - 2) ? finest : 2;
	return price(shifted(each, digits + finest), money.currency, digits, digits + decimals);
}
