// The wait for a purchase: the balance is read more often until the credits arrive,
// and the note on the page follows.

import { signal } from "@preact/signals";
import type { Bills } from "./bill-list.ts";
import { arrived, type Outcome, type Visit } from "./returning.ts";
import type { Balance, Subscription } from "./wire.ts";

/** The note about a purchase. */
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
	#since = 0; // when the visit ended
	#stopped = false;

	/** `hurry` sets how often the balance is read; `settled` is called when the wait ends. */
	constructor(hurry: (every: number | null) => void, settled: () => void) {
		this.#hurry = hurry;
		this.#settled = settled;
	}

	stop(): void {
		this.#stopped = true;
		clearTimeout(this.#timer);
	}

	/** Whether a purchase is expected. */
	get waiting(): boolean {
		return this.#visit !== null;
	}

	/** Waits for the result of the visit, or notes that it was canceled. */
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

	/** Checks whether the purchase has arrived. */
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
