// Keeps usage current: it is read again when the balance or the day has changed, and
// less and less often while the reads bring nothing new.

import { signal } from "@preact/signals";
import type { ChosenRange } from "./chosen.ts";
import type { Clock } from "./clock.ts";
import { Lag } from "./lag.ts";
import type { Part } from "./part.ts";
import type { UsageReader, View } from "./usage.ts";
import type { Balance } from "./wire.ts";

const atMostEvery = 5_000;
const atLeastEvery = 60_000;

/** How long to wait between reads, after so many without a change. */
export function waitAfter(inVain: number): number {
	return Math.min(atMostEvery * 2 ** Math.max(0, inVain - 1), atLeastEvery);
}

interface Given {
	usage: Part<View>;
	balance: Part<Balance>;
	reader: UsageReader;
	clock: Clock;
	range: ChosenRange;
	/** Whether reading has stopped for good. */
	over: () => boolean;
	/** Called when usage was read. */
	done: () => void;
}

export class UsageFollower {
	/** How many entries usage is behind, once it has been behind for a while. */
	readonly behind = signal(0);
	readonly #given: Given;
	readonly #lag = new Lag();
	#timer: ReturnType<typeof setTimeout> | undefined;
	#startedAt = 0;
	#inVain = 0; // readings since usage fell behind

	constructor(given: Given) {
		this.#given = given;
	}

	stop(): void {
		clearTimeout(this.#timer);
	}

	/** Starts again with short waits, as after a failure. */
	forgive(): void {
		this.#inVain = 0;
	}

	async load(): Promise<void> {
		const { usage, reader, clock, range, over, done } = this.#given;
		clearTimeout(this.#timer);
		this.#startedAt = Date.now();
		const asOf = usage.data.value?.asOf ?? 0;
		const read = await usage.load((signal) => reader.read(range.period(), clock.today(), signal));
		if (over()) {
			return;
		}
		if (read) {
			if ((usage.data.value?.asOf ?? 0) > asOf) {
				this.#inVain = 0;
			}
			done();
		}
		this.compare();
	}

	/** Reads usage again if it is behind the balance. */
	compare(): void {
		const { usage, clock } = this.#given;
		const balance = this.#given.balance.data.value;
		const view = usage.data.value;
		let wanted = usage.failure.value !== null;
		if (balance && view) {
			const { lacking, told } = this.#lag.look({ seq: balance.seq, asOf: view.asOf, at: Date.now() });
			this.behind.value = told;
			wanted ||= lacking > 0 || view.today !== clock.today(); // a new day has other ranges
		}
		if (!wanted) {
			this.#inVain = 0;
		} else if (!usage.loading.value) {
			this.#loadSoon();
		}
	}

	#loadSoon(): void {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(
			() => {
				if (!document.hidden) {
					this.#inVain++;
					void this.load();
				}
			},
			Math.max(0, this.#startedAt + waitAfter(this.#inVain) - Date.now()),
		);
	}
}
