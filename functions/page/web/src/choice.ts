// The choices of the range picker, their meaning today, and their form in the
// address, so that a reload or a bookmark shows the same range.

import { addDays, addMonths, type Day, firstOfMonth, fits, isDay, length, maxMonths, type Range } from "./days.ts";

/** A named range moves with the days; a custom one stays. */
export type Choice = { name: string; range?: Range };

/** One named range of the picker. */
export interface Preset {
	name: string;
	label: string;
	range(today: Day): Range;
	/** What the range is compared with; by default the same number of days before. */
	before?(range: Range): Range;
	/** The previous period in words, after "than in". */
	beforeWords: string;
}

function lastDays(days: number): Preset {
	return {
		name: `${days}d`,
		label: `${days} days`,
		range: (today) => ({ from: addDays(today, 1 - days), to: today }),
		beforeWords: `the ${days} days before`,
	};
}

export const presets: Preset[] = [
	lastDays(7),
	lastDays(30),
	lastDays(90),
	{
		name: "month",
		label: "This month",
		range: (today) => ({ from: firstOfMonth(today), to: today }),
		// As many days of last month as have passed in this one; the shorter month sets the end.
		before: (range) => {
			const from = addMonths(range.from, -1);
			const to = addDays(from, length(range) - 1);
			const last = addDays(range.from, -1);
			return { from, to: to < last ? to : last };
		},
		beforeWords: "the same days of last month",
	},
	{
		name: "last-month",
		label: "Last month",
		range: (today) => {
			const first = firstOfMonth(today);
			return { from: addMonths(first, -1), to: addDays(first, -1) };
		},
		before: (range) => ({ from: addMonths(range.from, -1), to: addDays(range.from, -1) }),
		beforeWords: "the month before",
	},
];

export const customName = "custom";
export const usual: Choice = { name: "30d" };

/** The period of a choice on a day. */
export interface Period {
	range: Range;
	before: Range | null; // null where it is longer than the API answers
	beforeWords: string;
}

export function periodOf(choice: Choice, today: Day, offered: Preset[]): Period {
	const preset = offered.find((one) => one.name === choice.name);
	const range = choice.range ?? (preset ?? lastDays(30)).range(today);
	const days = length(range);
	const before = preset?.before?.(range) ?? { from: addDays(range.from, -days), to: addDays(range.from, -1) };
	const beforeWords = preset?.beforeWords ?? (days === 1 ? "the day before" : `the ${days} days before`);
	return { range, before: fits(before) ? before : null, beforeWords };
}

/** The error of a custom range in words; null if it is valid. */
export function complaint(from: string, to: string, today: Day): string | null {
	if (!isDay(from) || !isDay(to)) {
		return "Enter both days.";
	}
	if (from > to) {
		return "The first day must not be after the last day.";
	}
	if (to > today) {
		return "The last day must not be in the future.";
	}
	return fits({ from, to }) ? null : `A range can have at most ${maxMonths} months.`;
}

/** Reads the query of the address. Anything unknown gives the default choice. */
export function choiceOf(query: string, today: Day, offered: Preset[]): Choice {
	const params = new URLSearchParams(query);
	const from = params.get("from") ?? "";
	const to = params.get("to") ?? "";
	if (complaint(from, to, today) === null) {
		return { name: customName, range: { from, to } };
	}
	const name = params.get("range") ?? "";
	return offered.some((preset) => preset.name === name) ? { name } : usual;
}

export function queryOf(choice: Choice): string {
	return choice.range ? `?from=${choice.range.from}&to=${choice.range.to}` : `?range=${choice.name}`;
}
