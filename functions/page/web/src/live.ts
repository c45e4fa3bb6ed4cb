// What is on the screen, and how it stays true: each part keeps what it last
// read, asks again when the balance has moved on, and never goes back to an
// answer that was overtaken by a later question.

import { batch, computed, signal } from "@preact/signals";
import { Failure, type Get } from "./api.ts";
import { type Choice, choiceOf, type Period, type Preset, periodOf, presets, queryOf } from "./choice.ts";
import { type Micro, parseCredits } from "./credits.ts";
import { type Day, dayAt, daysOf, fits, isSame, isZone, length, type Range } from "./days.ts";
import { paceRange } from "./pace.ts";
import { choiceAmong } from "./periods.ts";
import type { Session } from "./session.ts";
import type { Balance, Counts, Entry, EntryPage, Group, Rate, RateCard, Usage, UsageByMany } from "./wire.ts";

/** One thing that is read: what it was last, and why it could not be read since. */
export class Part<T> {
	readonly data = signal<T | null>(null);
	readonly failure = signal<Failure | null>(null);
	readonly loading = signal(false);
	readonly readAt = signal(0);
	#running: AbortController | null = null;

	/** Reads anew. A read that is under way is given up: its answer would be the older one. */
	async load(read: (signal: AbortSignal) => Promise<T>): Promise<boolean> {
		this.#running?.abort();
		const running = new AbortController();
		this.#running = running;
		this.loading.value = true;
		try {
			const data = await read(running.signal);
			if (running.signal.aborted) {
				return false;
			}
			batch(() => {
				this.data.value = data;
				this.failure.value = null;
				this.readAt.value = Date.now();
			});
			return true;
		} catch (error) {
			if (!running.signal.aborted) {
				this.failure.value =
					error instanceof Failure ? error : new Failure("problem", "The answer was not understood.");
			}
			return false;
		} finally {
			if (this.#running === running) {
				this.#running = null;
				this.loading.value = false;
			}
		}
	}

	stop(): void {
		this.#running?.abort();
	}
}

/** Usage of one period, all of it read together. */
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

/** The entries shown, newest first, and where to read on. */
export interface History {
	entries: Entry[];
	next: string | null;
}

/** What one agent did in the period. */
export interface AgentView {
	agent: string;
	period: Period;
	days: Group[];
	nodes: Group[];
}

const pollEvery = 10_000;
const usageAtMostEvery = 5_000;
const usageAtLeastEvery = 60_000;
const beforeLasts = 300_000; // the days before hardly change any more
const behindQuietly = 4_000; // usage that is this late is worth no word
const worthOneQuestion = 40; // days read in vain; beyond them a question of its own costs less
const historyAtMostEvery = 60_000;
const ratesLast = 300_000;
const clocksDiffer = 30_000; // from there on the device's clock is not believed
const historyPage = 10;
const filePage = 200;
const fileReads = 25;
const fileTimeout = 30_000;
const historyTypes = "grant,reversal,expiry";
const paymentTypes = "renewal,plan_change,plan_end,take_back,give_back,refill";

/** Where the API keeps what belongs to the session's account. */
export function accountPath(session: Session, path: string): string {
	return `/v1/accounts/${encodeURIComponent(session.account)}/${path}`;
}

export class Live {
	readonly session: Session;
	readonly offered = signal<Preset[]>(presets);
	readonly choice;
	readonly zone;
	readonly balance = new Part<Balance>();
	readonly usage = new Part<View>();
	readonly history = new Part<History>();
	readonly rates = new Part<Map<string, Rate>>();
	readonly agent = new Part<AgentView>();
	readonly openAgent = signal<string | null>(null);
	/** Whether older entries are being read. */
	readonly readingOn = signal(false);
	/** How far the device's clock is behind the API's, in milliseconds. */
	readonly skew = signal(0);

	/** What the opened agent did in the period that is shown, once that is read. */
	readonly detail = computed(() => {
		const found = this.agent.data.value;
		const shown = this.usage.data.value?.period.range;
		const same = found && found.agent === this.openAgent.value && shown && isSame(found.period.range, shown);
		return same ? found : null;
	});
	/** How many entries usage lacks, once it has lacked some for a while. */
	readonly behind = signal(0);
	/** Why what is on the screen could not be read again, and since when. */
	readonly trouble = computed(() => {
		const parts: Part<unknown>[] = [this.balance, this.usage, this.history];
		if (this.detail.value) {
			parts.push(this.agent);
		}
		const failed = parts.filter((part) => part.data.value && part.failure.value);
		const failure = failed[0]?.failure.value;
		return failure ? { failure, since: Math.min(...failed.map((part) => part.readAt.value)) } : null;
	});
	/** Whether the API has answered the session. */
	readonly accepted = computed(() => [this.balance, this.usage, this.history].some((part) => part.data.value !== null));
	/** Whether the API has refused the session to another part of the page. */
	readonly ended = signal(false);
	/** Whether the API has refused the session. */
	readonly refused = computed(
		() =>
			this.ended.value ||
			[this.balance, this.usage, this.history, this.agent].some((part) => part.failure.value?.kind === "ended"),
	);

	readonly #get: Get;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#usageTimer: ReturnType<typeof setTimeout> | undefined;
	#usageStarted = 0;
	#waits = 0; // how often usage was read in vain since it fell behind
	#ahead: { seq: number; at: number }[] = []; // what the balance was seen at and usage has not reached
	#before: { key: string; at: number; days: Map<Day, Micro> } | null = null;
	#stopped = false;
	#historyTurn = Promise.resolve();
	#historyWaits = false; // whether the newest entries are about to be read
	#historyAt = 0; // when they were last
	#historySeq = 0; // entries up to this one were there to be read by then
	#types = historyTypes;
	#pollEvery = pollEvery;
	readonly #query: string;
	#chosen = false; // by hand

	constructor(session: Session, get: Get, query: string) {
		this.session = session;
		this.#get = get;
		this.#query = query;
		this.zone = signal(session.zone);
		this.choice = signal<Choice>(choiceOf(query, this.today(), presets));
	}

	today(): Day {
		return dayAt(this.now(), this.zone.value);
	}

	/** The time by the API's clock. */
	now(): number {
		return Date.now() + this.skew.value;
	}

	/** The range that is chosen, where another one is still shown. */
	wanted(): Range | null {
		const shown = this.usage.data.value?.period.range;
		const chosen = this.#period().range;
		return shown && !isSame(chosen, shown) ? chosen : null;
	}

	#period(): Period {
		return periodOf(this.choice.value, this.today(), this.offered.value);
	}

	start(): void {
		document.addEventListener("visibilitychange", this.#wake);
		window.addEventListener("online", this.#wake);
		window.addEventListener("offline", this.#wake);
		void this.#loadUsage();
		void this.#poll();
		void this.loadHistory();
		this.#loadRates();
	}

	stop(): void {
		this.#stopped = true;
		clearTimeout(this.#timer);
		clearTimeout(this.#usageTimer);
		document.removeEventListener("visibilitychange", this.#wake);
		window.removeEventListener("online", this.#wake);
		window.removeEventListener("offline", this.#wake);
		for (const part of [this.balance, this.usage, this.history, this.rates, this.agent]) {
			part.stop();
		}
	}

	/** Offers other ranges by name, as they become known, and shows what the address or the hand has chosen of them. */
	offer(offered: Preset[]): void {
		const before = this.#period().range;
		const wanted = this.#chosen ? this.choice.value : choiceOf(this.#query, this.today(), [...presets, ...offered]);
		batch(() => {
			this.offered.value = offered;
			this.choice.value = choiceAmong(wanted, offered);
		});
		if (!isSame(this.#period().range, before)) {
			void this.#loadUsage();
		}
	}

	/** Has the history tell of plans and payments, too. */
	showPayments(): void {
		this.#types = `${historyTypes},${paymentTypes}`;
		void this.#readHistory((signal) => this.#readEntries(null, signal));
	}

	/** Reads the balance at once, and so often from now on; null: as usual. */
	hurry(every: number | null): void {
		this.#pollEvery = every ?? pollEvery;
		void this.#poll();
	}

	/** Shows another range. */
	choose(choice: Choice): void {
		this.#chosen = true;
		this.choice.value = choice;
		history.replaceState(history.state, "", location.pathname + queryOf(choice));
		void this.#loadUsage();
	}

	/** Reads everything again, as after a failure. */
	again(): void {
		this.#waits = 0;
		void this.#poll();
		if (!this.usage.data.value || this.usage.failure.value) {
			void this.#loadUsage();
		}
		if (!this.history.data.value || this.history.failure.value) {
			void this.loadHistory();
		}
		this.#refreshRates();
		this.#refreshAgent();
	}

	readonly #wake = () => {
		if (!document.hidden) {
			this.again();
		}
	};

	#account(path: string): string {
		return accountPath(this.session, path);
	}

	#loadRates(): void {
		void this.rates.load(async (signal) => {
			const card = await this.#get<RateCard>("/v1/rate-card", signal);
			return new Map(card.rates.map((rate) => [`${rate.node}/${rate.action}`, rate]));
		});
	}

	/** Reads the prices again where they could not be read, or were so long ago. */
	#refreshRates(): void {
		const due = this.rates.failure.value !== null || Date.now() - this.rates.readAt.value >= ratesLast;
		if (due && !this.rates.loading.value) {
			this.#loadRates();
		}
	}

	async #poll(): Promise<void> {
		clearTimeout(this.#timer);
		const earlier = this.balance.data.value;
		const done = await this.balance.load((signal) => this.#get<Balance>(this.#account("balance"), signal));
		if (this.#stopped || this.refused.value) {
			return;
		}
		const now = this.balance.data.value;
		if (done && now) {
			const skew = Date.parse(now.as_of) - Date.now();
			this.skew.value = Math.abs(skew) >= clocksDiffer ? skew : 0;
		}
		this.#refreshHistory(earlier, now);
		this.#refreshRates();
		if (this.agent.failure.value) {
			this.#refreshAgent();
		}
		this.#compare();
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => {
			if (!document.hidden) {
				void this.#poll();
			}
		}, this.#pollEvery);
	}

	/** Reads the newest entries again when the account has moved on: now and then, and at once where credits came. */
	#refreshHistory(earlier: Balance | null, now: Balance | null): void {
		if (this.history.failure.value || (earlier && now && givesCredits(earlier, now))) {
			void this.loadHistory();
		} else if (now && now.seq > this.#historySeq && Date.now() - this.#historyAt >= historyAtMostEvery) {
			this.#historySeq = earlier?.seq ?? 0; // what came since may not be listed yet
			void this.loadHistory();
		}
	}

	/** Sees whether usage is as far as the balance, and reads it again if not. */
	#compare(): void {
		const balance = this.balance.data.value;
		const view = this.usage.data.value;
		let wanted = this.usage.failure.value !== null;
		if (balance && view) {
			if (balance.seq > (this.#ahead.at(-1)?.seq ?? 0)) {
				this.#ahead.push({ seq: balance.seq, at: Date.now() });
			}
			this.#ahead = this.#ahead.filter((seen) => seen.seq > view.asOf);
			const lacking = Math.max(0, balance.seq - view.asOf);
			const late = this.#ahead.some((seen) => Date.now() - seen.at >= behindQuietly);
			this.behind.value = late ? lacking : 0;
			wanted ||= lacking > 0 || view.today !== this.today(); // a new day has other ranges
		}
		if (!wanted) {
			this.#waits = 0;
		} else if (!this.usage.loading.value) {
			this.#loadUsageSoon();
		}
	}

	/** Waits between two readings of usage, and longer each time that one was in vain. */
	#loadUsageSoon(): void {
		const wait = Math.min(usageAtMostEvery * 2 ** Math.max(0, this.#waits - 1), usageAtLeastEvery);
		clearTimeout(this.#usageTimer);
		this.#usageTimer = setTimeout(
			() => {
				if (!document.hidden) {
					this.#waits++;
					void this.#loadUsage();
				}
			},
			Math.max(0, this.#usageStarted + wait - Date.now()),
		);
	}

	async #loadUsage(): Promise<void> {
		clearTimeout(this.#usageTimer);
		this.#usageStarted = Date.now();
		const asOf = this.usage.data.value?.asOf ?? 0;
		const done = await this.usage.load((signal) => this.#readUsage(signal));
		if (this.#stopped || this.refused.value) {
			return;
		}
		if (done && (this.usage.data.value?.asOf ?? 0) > asOf) {
			this.#waits = 0;
		}
		if (done) {
			this.#refreshAgent();
		}
		this.#compare();
	}

	async #readUsage(signal: AbortSignal): Promise<View> {
		const today = this.today();
		const period = this.#period();
		const [sheets, agents, before] = await Promise.all([
			this.#get<UsageByMany>(this.#usagePath(period.range, "day,channel,node"), signal),
			this.#get<Usage>(this.#usagePath(period.range, "agent"), signal),
			this.#readBefore(period, today, signal),
		]);
		if (isZone(sheets.time_zone) && sheets.time_zone !== this.zone.value) {
			this.zone.value = sheets.time_zone; // it was changed after the session began
		}
		const days = sheets.groupings.day ?? [];
		const known = new Map([...before, ...creditsByDay(days)]);
		const creditsOf = (range: Range) => daysOf(range).map((day) => known.get(day) ?? 0n);
		return {
			period,
			today,
			asOf: Math.min(sheets.as_of_seq, agents.as_of_seq),
			total: sheets.total,
			days,
			channels: sheets.groupings.channel ?? [],
			nodes: sheets.groupings.node ?? [],
			agents: agents.groups,
			before: period.before && new Map(daysOf(period.before).map((day) => [day, known.get(day) ?? 0n])),
			pace: creditsOf(paceRange(today)),
		};
	}

	/** Reads the days of the period before, and with them those that the pace needs and the period does not have. */
	async #readBefore(period: Period, today: Day, signal: AbortSignal): Promise<Map<Day, Micro>> {
		const ranges = rangesBefore(period, paceRange(today));
		const key = ranges.map((range) => `${range.from}/${range.to}`).join(" ");
		if (this.#before?.key === key && Date.now() - this.#before.at < beforeLasts) {
			return this.#before.days;
		}
		const answers = await Promise.all(ranges.map((range) => this.#get<Usage>(this.#usagePath(range, "day"), signal)));
		const days = new Map(answers.flatMap((answer) => creditsByDay(answer.groups)));
		this.#before = { key, at: Date.now(), days };
		return days;
	}

	#usagePath(range: Range, grouping: string): string {
		return this.#account(`usage?from=${range.from}&to=${range.to}&group_by=${grouping}`);
	}

	/** Opens an agent's own usage, or closes it. */
	toggleAgent(agent: string): void {
		const opened = this.openAgent.value !== agent;
		this.openAgent.value = opened ? agent : null;
		this.agent.stop();
		this.agent.failure.value = null;
		if (opened) {
			this.#refreshAgent();
		}
	}

	#refreshAgent(): void {
		const agent = this.openAgent.value;
		const view = this.usage.data.value;
		if (agent === null || !view) {
			return;
		}
		if (!view.agents.some((group) => group.key === agent)) {
			this.agent.stop();
			this.agent.failure.value = null;
			return;
		}
		const { period } = view;
		void this.agent.load(async (signal) => {
			const path = `${this.#usagePath(period.range, "day,node")}&agent_id=${encodeURIComponent(agent)}`;
			const { groupings } = await this.#get<UsageByMany>(path, signal);
			return { agent, period, days: groupings.day ?? [], nodes: groupings.node ?? [] };
		});
	}

	/** Reads of the history come one after the other: none gives up another. */
	#readHistory(read: (signal: AbortSignal) => Promise<History>): Promise<void> {
		this.#historyTurn = this.#historyTurn.then(async () => {
			if (!this.#stopped) {
				await this.history.load(read);
			}
		});
		return this.#historyTurn;
	}

	/** Reads the newest entries, and puts them before those that are shown already. */
	async loadHistory(): Promise<void> {
		if (this.#historyWaits) {
			return;
		}
		this.#historyWaits = true;
		this.#historyAt = Date.now();
		await this.#readHistory(async (signal) => {
			this.#historyWaits = false;
			const shown = this.history.data.value;
			const newest = await this.#readEntries(null, signal);
			const joint = newest.entries.at(-1)?.seq;
			if (!shown || joint === undefined || !shown.entries.some((entry) => entry.seq >= joint)) {
				return newest;
			}
			const older = shown.entries.filter((entry) => entry.seq < joint);
			return { entries: [...newest.entries, ...older], next: older.length ? shown.next : newest.next };
		});
	}

	/** Reads on after the last entry that is shown. */
	async moreHistory(): Promise<void> {
		if (this.readingOn.value) {
			return;
		}
		this.readingOn.value = true;
		await this.#readHistory(async (signal) => {
			const shown = this.history.data.value ?? { entries: [], next: null };
			const more = await this.#readEntries(shown.next, signal);
			return { entries: [...shown.entries, ...more.entries], next: more.next };
		});
		this.readingOn.value = false;
	}

	/** Reads all entries, those that are not shown too; with `next` where there are more than a file should hold. */
	async wholeHistory(): Promise<History | null> {
		const shown = this.history.data.value ?? { entries: [], next: null };
		const entries = [...shown.entries];
		let next = shown.next;
		try {
			for (let reads = 0; next !== null && reads < fileReads; reads++) {
				const page = await this.#get<EntryPage>(this.#entriesPath(filePage, next), AbortSignal.timeout(fileTimeout));
				entries.push(...page.data);
				next = page.next_cursor;
			}
			return { entries, next };
		} catch (error) {
			this.history.failure.value =
				error instanceof Failure ? error : new Failure("problem", "The file could not be made.");
			return null;
		}
	}

	#entriesPath(limit: number, cursor: string | null): string {
		const on = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
		return this.#account(`entries?limit=${limit}&type=${this.#types}${on}`);
	}

	async #readEntries(from: string | null, signal: AbortSignal): Promise<History> {
		const page = await this.#get<EntryPage>(this.#entriesPath(historyPage, from), signal);
		return { entries: page.data, next: page.next_cursor };
	}
}

function creditsByDay(days: Group[]): [Day, Micro][] {
	return days.map((group) => [group.key, parseCredits(group.credits)]);
}

/** Whether nothing was used in any of the days that the page has read. */
export function neverUsed(view: Pick<View, "total" | "before" | "pace">): boolean {
	return [parseCredits(view.total.credits), ...(view.before?.values() ?? []), ...view.pace].every((one) => one === 0n);
}

/** The fewest questions that cover the period before and the pace's days outside the period. */
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

/** Whether credits came or went otherwise than by use in between, so that the history has more to tell. */
function givesCredits(earlier: Balance, now: Balance): boolean {
	const before = new Map(earlier.grants.map((grant) => [grant.id, parseCredits(grant.remaining)]));
	const known = now.grants.every((grant) => {
		const remaining = before.get(grant.id);
		return remaining !== undefined && parseCredits(grant.remaining) <= remaining;
	});
	return !known || now.grants.length !== earlier.grants.length || now.owed !== earlier.owed;
}
