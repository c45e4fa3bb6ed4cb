// How long the credits will last at the current pace.

import { type Micro, sum } from "./credits.ts";
import { addDays, type Day, type Range } from "./days.ts";

const paceDays = 7;

/** The last full days, which determine the pace, and today. */
export function paceRange(today: Day): Range {
	return { from: addDays(today, -paceDays), to: today };
}

/** The answer in words, given what was used on each of the last full days and so far today. */
export function lasting(available: Micro, used: Micro[]): string {
	const full = used.slice(0, -1);
	const first = full.findIndex((credits) => credits > 0n);
	const since = first < 0 ? [] : full.slice(first); // an account that begins is not slow
	const total = sum(since);
	const today = used.at(-1) ?? 0n;
	if (available <= 0n) {
		return total > 0n || today > 0n ? "No credits are left." : "No credits are available.";
	}
	if (total <= 0n) {
		return today > 0n
			? "It is too early to estimate how long your credits will last."
			: `Nothing was used in the last ${paceDays} days.`;
	}
	const pace = since.length === 1 ? "at yesterday's pace" : `at the pace of the last ${since.length} days`;
	const days = (available * BigInt(since.length)) / total;
	if (days > 365n) {
		return `More than a year ${pace}`;
	}
	if (days < 1n) {
		return `Less than a day ${pace}`;
	}
	return `About ${days} ${days === 1n ? "day" : "days"} ${pace}`;
}
