// The data on the page and when it is read again: the balance all the time, the rest
// when the balance changes.

import { OpenedAgent } from "./agent.ts";
import type { Get } from "./api.ts";
import { ChosenRange } from "./chosen.ts";
import { Clock } from "./clock.ts";
import { isSame, type Range } from "./days.ts";
import { EntryList } from "./entries.ts";
import { UsageFollower } from "./follow.ts";
import { Health } from "./health.ts";
import { Part } from "./part.ts";
import { Rates } from "./rates.ts";
import type { Session } from "./session.ts";
import { UsageReader, type View } from "./usage.ts";
import type { Balance } from "./wire.ts";

const usualPace = 10_000; // milliseconds from one reading of the balance to the next

export class Live {
	readonly session: Session;
	readonly clock: Clock;
	readonly range: ChosenRange;
	readonly balance = new Part<Balance>();
	readonly usage = new Part<View>();
	readonly follower: UsageFollower;
	readonly history: EntryList;
	readonly rates: Rates;
	readonly agent: OpenedAgent;
	readonly health: Health;

	readonly #get: Get;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#pace = usualPace;
	#stopped = false;

	constructor(session: Session, get: Get, query: string) {
		this.session = session;
		this.#get = get;
		this.clock = new Clock(session.zone);
		this.range = new ChosenRange(this.clock, query, () => void this.follower.load());
		this.history = new EntryList(get);
		this.rates = new Rates(get);
		this.agent = new OpenedAgent(get, this.usage);
		this.health = new Health([this.balance, this.usage, this.history.shown], this.agent);
		this.follower = new UsageFollower({
			usage: this.usage,
			balance: this.balance,
			reader: new UsageReader(get, this.clock),
			clock: this.clock,
			range: this.range,
			over: () => this.#over(),
			done: () => this.agent.refresh(),
		});
	}

	/** The chosen range while another one is still shown. */
	wanted(): Range | null {
		const shown = this.usage.data.value?.period.range;
		const chosen = this.range.period().range;
		return shown && !isSame(chosen, shown) ? chosen : null;
	}

	start(): void {
		document.addEventListener("visibilitychange", this.#wake);
		window.addEventListener("online", this.#wake);
		window.addEventListener("offline", this.#wake);
		void this.follower.load();
		void this.#poll();
		void this.history.load();
		this.rates.load();
	}

	stop(): void {
		this.#stopped = true;
		clearTimeout(this.#timer);
		document.removeEventListener("visibilitychange", this.#wake);
		window.removeEventListener("online", this.#wake);
		window.removeEventListener("offline", this.#wake);
		for (const part of [this.balance, this.usage, this.follower, this.history, this.rates.read, this.agent.read]) {
			part.stop();
		}
	}

	/** Reads the balance now, and at this interval from now on; null: the usual one. */
	hurry(every: number | null): void {
		this.#pace = every ?? usualPace;
		void this.#poll();
	}

	/** Reads everything again, as after a failure. */
	again(): void {
		this.follower.forgive();
		void this.#poll();
		if (!this.usage.data.value || this.usage.failure.value) {
			void this.follower.load();
		}
		if (!this.history.shown.data.value || this.history.shown.failure.value) {
			void this.history.load();
		}
		this.rates.refresh();
		this.agent.refresh();
	}

	readonly #wake = () => {
		if (!document.hidden) {
			this.again();
		}
	};

	#over(): boolean {
		return this.#stopped || this.health.refused.value;
	}

	async #poll(): Promise<void> {
		clearTimeout(this.#timer);
		const earlier = this.balance.data.value;
		const read = await this.balance.load((signal) => this.#get("/v1/accounts/{account_id}/balance", {}, signal));
		if (this.#over()) {
			return;
		}
		const now = this.balance.data.value;
		if (read && now) {
			this.clock.setBy(now.as_of);
		}
		this.history.follow(earlier, now);
		this.rates.refresh();
		if (this.agent.read.failure.value) {
			this.agent.refresh();
		}
		this.follower.compare();
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => {
			if (!document.hidden) {
				void this.#poll();
			}
		}, this.#pace);
	}
}
