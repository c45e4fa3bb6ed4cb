// Numbers and dates in the reader's locale.

import { decimal, type Micro } from "./credits.ts";
import type { Day } from "./days.ts";

/** The reader's languages, without those that the browser does not accept. */
const locales = (globalThis.navigator?.languages ?? []).filter((tag) => {
	try {
		return Intl.getCanonicalLocales(tag).length > 0;
	} catch {
		return false;
	}
});

const exact = new Intl.NumberFormat(locales, { maximumFractionDigits: 6 });
const signed = new Intl.NumberFormat(locales, { maximumFractionDigits: 6, signDisplay: "exceptZero" });
const whole = new Intl.NumberFormat(locales, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(locales, { notation: "compact", maximumFractionDigits: 1 });
const oneDigit = new Intl.NumberFormat(locales, { maximumFractionDigits: 1 });
const percentage = new Intl.NumberFormat(locales, { style: "percent", maximumFractionDigits: 1 });
const alignedPercentage = new Intl.NumberFormat(locales, {
	style: "percent",
	minimumFractionDigits: 1,
	maximumFractionDigits: 1,
});
const wholePercentage = new Intl.NumberFormat(locales, { style: "percent", maximumFractionDigits: 0 });

/** A decimal as text keeps all its digits, unlike a number. */
const asText = (micro: Micro) => decimal(micro) as Intl.StringNumericLiteral;

export const credits = (micro: Micro) => exact.format(asText(micro));
export const change = (micro: Micro) => signed.format(asText(micro));
export const count = (n: number) => whole.format(n);
export const short = (n: number) => compact.format(n);
export const times = (n: number) => oneDigit.format(n);

/** The whole part and the fraction of an amount, for a large display. */
export function creditsInTwo(micro: Micro): [string, string] {
	const parts = exact.formatToParts(asText(micro));
	const at = parts.findIndex((part) => part.type === "decimal");
	const text = (some: Intl.NumberFormatPart[]) => some.map((part) => part.value).join("");
	return at < 0 ? [text(parts), ""] : [text(parts.slice(0, at)), text(parts.slice(at))];
}

/** A share given in thousandths, as shown in a column. */
export function share(thousandths: number | null): string {
	return thousandths === null ? "–" : alignedPercentage.format(thousandths / 1000);
}

export function percent(thousandths: number): string {
	return (Math.abs(thousandths) < 100 ? percentage : wholePercentage).format(thousandths / 1000);
}

export function plural(n: number | Micro, one: string, many = `${one}s`): string {
	return n === 1 || n === 1_000_000n ? one : many;
}

/** The decimal separator of the reader's locale. */
export const point =
	new Intl.NumberFormat(locales, { numberingSystem: "latn" }).formatToParts(0.5).find((part) => part.type === "decimal")
		?.value ?? ".";

/** A decimal as the reader types it: digits and the locale's separator. */
export const written = (plain: string) => plain.replace(".", point);

/** What the reader typed, as a plain decimal; null if it is not a number. */
export function readNumber(text: string): string | null {
	const [whole = "", fraction, ...rest] = text.trim().split(point);
	const digits = /^\d{1,15}$/;
	if (!digits.test(whole) || rest.length > 0 || (fraction !== undefined && !digits.test(fraction))) {
		return null;
	}
	return fraction === undefined ? whole : `${whole}.${fraction}`;
}

const prices = new Map<string, Intl.NumberFormat>();

/** An amount in major units of a currency, with `least` to `most` decimals. */
export function price(decimal: string, currency: string, least: number, most = least): string {
	const key = `${currency} ${least} ${most}`;
	let found = prices.get(key);
	if (!found) {
		found = new Intl.NumberFormat(locales, {
			style: "currency",
			currency,
			minimumFractionDigits: least,
			maximumFractionDigits: most,
		});
		prices.set(key, found);
	}
	return found.format(decimal as Intl.StringNumericLiteral);
}

type Options = Intl.DateTimeFormatOptions;

const dates = new Map<string, Intl.DateTimeFormat>();

function dateFormat(zone: string, options: Options): Intl.DateTimeFormat {
	const key = zone + JSON.stringify(options);
	let found = dates.get(key);
	if (!found) {
		found = new Intl.DateTimeFormat(locales, { ...options, timeZone: zone });
		dates.set(key, found);
	}
	return found;
}

// A day is the same everywhere, so it is formatted in UTC whatever the account's zone.
const noon = (day: Day) => new Date(`${day}T12:00:00Z`);

export const dayShort = (day: Day) => dateFormat("UTC", { day: "numeric", month: "short" }).format(noon(day));
export const dayLong = (day: Day) =>
	dateFormat("UTC", { weekday: "short", day: "numeric", month: "short", year: "numeric" }).format(noon(day));
export const dayPlain = (day: Day) =>
	dateFormat("UTC", { day: "numeric", month: "short", year: "numeric" }).format(noon(day));

export function rangeWords(from: Day, to: Day): string {
	return dateFormat("UTC", { day: "numeric", month: "short", year: "numeric" }).formatRange(noon(from), noon(to));
}

export const dateOf = (instant: string, zone: string) =>
	dateFormat(zone, { day: "numeric", month: "short", year: "numeric" }).format(new Date(instant));
export const minuteOf = (instant: string, zone: string) =>
	dateFormat(zone, { day: "numeric", month: "short", year: "numeric", hour: "numeric", minute: "2-digit" }).format(
		new Date(instant),
	);
export const clock = (milliseconds: number, zone: string) =>
	dateFormat(zone, { hour: "numeric", minute: "2-digit", second: "2-digit" }).format(milliseconds);
