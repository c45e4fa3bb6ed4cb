// The billing periods as ranges of the picker. A period begins and ends at an
// instant; its days are days in the account's zone, from the one that it begins on.

import { type Choice, type Preset, presets } from "./choice.ts";
import { addDays, type Day, dayAt, length, type Range } from "./days.ts";
import type { Entry, Subscription } from "./wire.ts";

export const thisPeriod = "billing-period";
export const lastPeriod = "last-billing-period";

/** Which ranges replace which when a subscription begins or ends. */
const counterparts: Record<string, string> = {
	month: thisPeriod,
	"last-month": lastPeriod,
	[thisPeriod]: "month",
	[lastPeriod]: "last-month",
};

/** The same time of day so many months later, on the last day of a month that is too short. */
export function monthsLater(instant: number, months: number): number {
	const date = new Date(instant);
	const day = date.getUTCDate();
	date.setUTCDate(1);
	date.setUTCMonth(date.getUTCMonth() + months);
	const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
	return date.setUTCDate(Math.min(day, last));
}

/** The days from that of one instant to the one before that of another. */
function between(from: Day, next: Day): Range {
	const last = addDays(next, -1);
	return { from, to: last < from ? from : last };
}

/** The ranges that the picker offers for this subscription. */
export function presetsFor(subscription: Subscription | null, entries: Entry[], zone: string): Preset[] {
	if (!subscription?.plan || subscription.period_start === null) {
		return presets;
	}
	const step = subscription.plan.interval === "year" ? -12 : -1;
	const start = Date.parse(subscription.period_start);
	const known = entries.find(({ renewal }) => renewal && Date.parse(renewal.period_end) === start)?.renewal;
	const before = known ? Date.parse(known.period_start) : monthsLater(start, step);
	const first = dayAt(start, zone);
	const firstBefore = dayAt(before, zone);
	const firstEarlier = dayAt(monthsLater(before, step), zone);
	const last = between(firstBefore, first);
	return [
		...presets.filter(({ name }) => !(name in counterparts)),
		{
			name: thisPeriod,
			label: "This billing period",
			range: (today) => ({ from: first, to: today < first ? first : today }),
			// As many days of the last period as have passed in this one, at most all of them.
			before: (range) => {
				const to = addDays(firstBefore, length(range) - 1);
				return { from: firstBefore, to: to < last.to ? to : last.to };
			},
			beforeWords: "the same days of the last period",
		},
		{
			name: lastPeriod,
			label: "Last billing period",
			range: () => last,
			before: () => between(firstEarlier, firstBefore),
			beforeWords: "the period before",
		},
	];
}

/** The choice itself if it is still offered, or its replacement. */
export function choiceAmong(choice: Choice, offered: Preset[]): Choice {
	const other = counterparts[choice.name] ?? "";
	const has = (name: string) => offered.some((preset) => preset.name === name);
	return !choice.range && !has(choice.name) && has(other) ? { name: other } : choice;
}
