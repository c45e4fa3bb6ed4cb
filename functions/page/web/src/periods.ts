// The billing periods as ranges of the picker. A period begins and ends at an
// instant; its days are those of the account's zone, from the one that it begins on.

import { type Choice, type Preset, presets } from "./choice.ts";
import { addDays, type Day, dayAt, length, type Range } from "./days.ts";
import type { Entry, Subscription } from "./wire.ts";

export const thisPeriod = "billing-period";
export const lastPeriod = "last-billing-period";

/** What takes the place of what, when a subscription begins or is over. */
const counterparts: Record<string, string> = {
	month: thisPeriod,
	"last-month": lastPeriod,
	[thisPeriod]: "month",
	[lastPeriod]: "last-month",
};

/** The same time of day so many months later; a month that is too short has it on its last day. */
export function monthsLater(instant: number, months: number): number {
	const date = new Date(instant);
	const day = date.getUTCDate();
	date.setUTCDate(1);
	date.setUTCMonth(date.getUTCMonth() + months);
	const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
	return date.setUTCDate(Math.min(day, last));
}

/** The days from one instant's to the one before another's. */
function between(from: Day, next: Day): Range {
	const last = addDays(next, -1);
	return { from, to: last < from ? from : last };
}

/** What the picker offers to an account with this subscription. */
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
			// As many days of the last period as this one has had, and no more than it had.
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

/** The choice among what is offered now: itself, or what has taken its place. */
export function choiceAmong(choice: Choice, offered: Preset[]): Choice {
	const other = counterparts[choice.name] ?? "";
	const has = (name: string) => offered.some((preset) => preset.name === name);
	return !choice.range && !has(choice.name) && has(other) ? { name: other } : choice;
}
