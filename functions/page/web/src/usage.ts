// Usage of one period, read with as few requests as possible.

import type { Get } from "./api.ts";
import type { Period } from "./choice.ts";
import type { Clock } from "./clock.ts";
import { type Micro, parseCredits } from "./credits.ts";
import { type Day, daysOf, fits, length, type Range } from "./days.ts";
import { paceRange } from "./pace.ts";
import type { Counts, Group, Usage } from "./wire.ts";

/** Usage of one period, read together. */
export interface View {
	period: Period;
	today: Day;
	asOf: number; // every entry up to this one is in it
	total: Counts;
	days: Group[];
	channels: Group[];
	nodes: Group[];
	agents: Group[];
	before: Map<Day, Micro> | null; // credits by day of the period before
	pace: Micro[]; // credits of the last full days, and of today
}

const beforeLasts = 300_000; // the days before hardly change any more
const worthOneQuestion = 40; // days read in vain; beyond them a question of its own costs less

export class UsageReader {
	readonly #get: Get;
	readonly #clock: Clock;
	#before: { key: string; at: number; days: Map<Day, Micro> } | null = null;

	constructor(get: Get, clock: Clock) {
		this.#get = get;
		this.#clock = clock;
	}

	/** Reads a period and sets the clock to the zone of its days. */
	async read(period: Period, today: Day, signal: AbortSignal): Promise<View> {
		const [sheets, agents, before] = await Promise.all([
			this.#ask(period.range, "day,channel,node", signal),
			this.#ask(period.range, "agent", signal),
			this.#readBefore(period, today, signal),
		]);
		this.#clock.moveTo(sheets.time_zone);
		const days = sheets.groupings?.day ?? [];
		const known = new Map([...before, ...creditsByDay(days)]);
		const creditsOf = (range: Range) => daysOf(range).map((day) => known.get(day) ?? 0n);
		return {
			period,
			today,
			asOf: Math.min(sheets.as_of_seq, agents.as_of_seq),
			total: sheets.total,
			days,
			channels: sheets.groupings?.channel ?? [],
			nodes: sheets.groupings?.node ?? [],
			agents: agents.groups ?? [],
			before: period.before && new Map(daysOf(period.before).map((day) => [day, known.get(day) ?? 0n])),
			pace: creditsOf(paceRange(today)),
		};
	}

	/** Reads the days of the previous period, and those that the pace needs outside the period. */
	async #readBefore(period: Period, today: Day, signal: AbortSignal): Promise<Map<Day, Micro>> {
		const ranges = rangesBefore(period, paceRange(today));
		const key = ranges.map((range) => `${range.from}/${range.to}`).join(" ");
		if (this.#before?.key === key && Date.now() - this.#before.at < beforeLasts) {
			return this.#before.days;
		}
		const answers = await Promise.all(ranges.map((range) => this.#ask(range, "day", signal)));
		const days = new Map(answers.flatMap((answer) => creditsByDay(answer.groups ?? [])));
		this.#before = { key, at: Date.now(), days };
		return days;
	}

	#ask({ from, to }: Range, group_by: string, signal: AbortSignal): Promise<Usage> {
		return this.#get("/v1/accounts/{account_id}/usage", { from, to, group_by }, signal);
	}
}

function creditsByDay(days: Group[]): [Day, Micro][] {
	return days.map((group) => [group.key, parseCredits(group.credits)]);
}

/** Whether nothing was used on any day that the page has read. */
export function neverUsed(view: Pick<View, "total" | "before" | "pace">): boolean {
	return [parseCredits(view.total.credits), ...(view.before?.values() ?? []), ...view.pace].every((one) => one === 0n);
}

/** The fewest requests that cover the previous period and the pace's days outside the period. */
export function rangesBefore(period: Period, pace: Range): Range[] {
	const within = (outer: Range | null, day: Day) => outer !== null && outer.from <= day && day <= outer.to;
	const lacking = daysOf(pace).filter((day) => !within(period.range, day) && !within(period.before, day));
	const first = lacking[0];
	const last = lacking.at(-1);
	if (first === undefined || last === undefined) {
		return period.before ? [period.before] : [];
	}
	const rest = { from: first, to: last };
	if (!period.before) {
		return [rest];
	}
	const both = {
		from: first < period.before.from ? first : period.before.from,
		to: last > period.before.to ? last : period.before.to,
	};
	const more = length(both) - length(period.before);
	return fits(both) && more <= worthOneQuestion ? [both] : [period.before, rest];
}
