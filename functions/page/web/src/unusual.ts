// Days that stand out from the others of their range.

import { approximate, type Micro } from "./credits.ts";
import type { Day } from "./days.ts";

export interface Unusual {
	day: Day;
	times: number; // a usual day
}

const fewest = 7; // days with use, below which nothing is usual yet
const deviations = 3;
const normal = 1.4826; // makes the median deviation comparable with a standard deviation
const least = 2; // times a usual day

function median(sorted: number[]): number {
	const middle = sorted.length >> 1;
	const upper = sorted[middle] ?? 0;
	return sorted.length % 2 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Finds them by median and median deviation, which a single huge day does not shift; largest first. */
export function unusualDays(days: { day: Day; credits: Micro }[]): Unusual[] {
	const used = days.filter((one) => one.credits > 0n).map((one) => ({ day: one.day, size: approximate(one.credits) }));
	if (used.length < fewest) {
		return [];
	}
	const ascending = (a: number, b: number) => a - b;
	const usual = median(used.map((one) => one.size).sort(ascending));
	const spread = median(used.map((one) => Math.abs(one.size - usual)).sort(ascending));
	return used
		.filter((one) => one.size > usual + deviations * normal * spread && one.size >= least * usual)
		.map((one) => ({ day: one.day, times: one.size / usual }))
		.sort((a, b) => b.times - a.times);
}
