// How long the credits last at the present pace.

import { type Micro, sum } from "./credits.ts";
import { addDays, type Day, type Range } from "./days.ts";

export const paceDays = 7;

/** The last full days; today's are not all used yet. */
export function paceRange(today: Day): Range {
	return { from: addDays(today, -paceDays), to: addDays(today, -1) };
}

/** The answer in words, given what was used on each of the last full days. */
export function lasting(available: Micro, used: Micro[]): string {
	const week = sum(used);
	const pace = `at the pace of the last ${paceDays} days`;
	if (available <= 0n) {
		return week > 0n ? "No credits are left." : "There are no credits at present.";
	}
	if (week <= 0n) {
		return `Nothing was used in the last ${paceDays} days.`;
	}
	const days = (available * BigInt(paceDays)) / week;
	if (days > 365n) {
		return `More than a year ${pace}`;
	}
	if (days < 1n) {
		return `Less than a day ${pace}`;
	}
	return `About ${days} ${days === 1n ? "day" : "days"} ${pace}`;
}
