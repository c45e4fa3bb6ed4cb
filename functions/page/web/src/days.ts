// Calendar days, as text such as "2026-11-24", and ranges of them. A usage day is
// a day in the account's zone; as text it no longer depends on a zone.

export type Day = string;

export interface Range {
	from: Day;
	to: Day; // inclusive
}

/** The most months that one request to the API may span. */
export const maxMonths = 13;

const parts = new Map<string, Intl.DateTimeFormat>();

/** Whether the browser knows the zone. */
export function isZone(zone: string): boolean {
	try {
		return zone !== "" && new Intl.DateTimeFormat("en", { timeZone: zone }) !== null;
	} catch {
		return false;
	}
}

/** The date in a zone at an instant. */
export function dayAt(instant: number, zone: string): Day {
	let format = parts.get(zone);
	if (!format) {
		format = new Intl.DateTimeFormat("en-u-ca-gregory-nu-latn", {
			timeZone: zone,
			year: "numeric",
			month: "2-digit",
			day: "2-digit",
		});
		parts.set(zone, format);
	}
	const found = Object.fromEntries(format.formatToParts(instant).map((part) => [part.type, part.value]));
	return `${(found.year ?? "").padStart(4, "0")}-${found.month}-${found.day}`;
}

function toUTC(day: Day): Date {
	return new Date(`${day}T00:00:00Z`);
}

function fromUTC(date: Date): Day {
	return date.toISOString().slice(0, 10);
}

/** Whether text is a day that exists. */
export function isDay(text: string): boolean {
	if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) {
		return false;
	}
	const date = toUTC(text);
	return !Number.isNaN(date.getTime()) && fromUTC(date) === text;
}

export function addDays(day: Day, days: number): Day {
	const date = toUTC(day);
	date.setUTCDate(date.getUTCDate() + days);
	return fromUTC(date);
}

/** The same day so many months later. Days that a month lacks run over into the next, as in the API. */
export function addMonths(day: Day, months: number): Day {
	const date = toUTC(day);
	date.setUTCMonth(date.getUTCMonth() + months);
	return fromUTC(date);
}

export function firstOfMonth(day: Day): Day {
	return `${day.slice(0, 8)}01`;
}

/** How many days a range has. */
export function length(range: Range): number {
	return Math.round((toUTC(range.to).getTime() - toUTC(range.from).getTime()) / 86_400_000) + 1;
}

export function isSame(a: Range, b: Range): boolean {
	return a.from === b.from && a.to === b.to;
}

/** Every day of a range. */
export function daysOf(range: Range): Day[] {
	return Array.from({ length: Math.max(0, length(range)) }, (_, i) => addDays(range.from, i));
}

/** Whether the API accepts the range in one request. */
export function fits(range: Range): boolean {
	return range.from <= range.to && addMonths(range.from, maxMonths) > range.to;
}
