// The wait for what a person went to buy: the balance is read more often until it
// has come, and what is said of it follows.

import { signal } from "@preact/signals";
import type { Bills } from "./bill-list.ts";
import { arrived, type Outcome, type Visit } from "./returning.ts";
import type { Balance, Subscription } from "./wire.ts";

/** What is said of a purchase. */
export interface Note {
	kind: "payment" | "change";
	state: "waiting" | "there" | "late" | "canceled";
}

const hurried = 2_000;
const hurryFor = 60_000;

export class Arrival {
	readonly note = signal<Note | null>(null);
	readonly #hurry: (every: number | null) => void;
	readonly #settled: () => void;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#visit: Visit | null = null;
	#since = 0; // when the visit was over
	#stopped = false;

	/** `hurry` sets how often the balance is read; `settled` is called when the wait is over. */
	constructor(hurry: (every: number | null) => void, settled: () => void) {
		this.#hurry = hurry;
		this.#settled = settled;
	}

	stop(): void {
		this.#stopped = true;
		clearTimeout(this.#timer);
	}

	/** Whether something is waited for. */
	get waiting(): boolean {
		return this.#visit !== null;
	}

	/** Waits for what the visit was for, or says that it came to nothing. */
	comeBack(outcome: Outcome, visit: Visit): void {
		clearTimeout(this.#timer);
		const kind = visit.pays ? "payment" : "change";
		if (outcome === "canceled") {
			this.note.value = { kind, state: "canceled" };
			return;
		}
		this.#visit = visit;
		this.#since = Date.now();
		this.note.value = { kind, state: "waiting" };
		this.#hurry(hurried);
		this.#timer = setTimeout(() => this.#settle("late"), hurryFor);
	}

	/** Sees whether what was bought has come. */
	look(balance: Balance | null, subscription: Subscription | null, bills: Bills | null): void {
		const visit = this.#visit;
		if (visit && balance && arrived(visit, this.#since, balance, subscription, bills)) {
			queueMicrotask(() => this.#settle("there"));
		}
	}

	#settle(state: "there" | "late"): void {
		if (this.#visit === null || this.#stopped) {
			return;
		}
		clearTimeout(this.#timer);
		this.#visit = null;
		this.note.value = { kind: this.note.value?.kind ?? "payment", state };
		this.#hurry(null);
		this.#settled();
	}
}
