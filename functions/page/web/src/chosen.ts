// The chosen range, from the address or by hand, among those offered.

import { batch, signal } from "@preact/signals";
import { type Choice, choiceOf, type Period, type Preset, periodOf, presets, queryOf } from "./choice.ts";
import type { Clock } from "./clock.ts";
import { isSame } from "./days.ts";
import { choiceAmong } from "./periods.ts";

export class ChosenRange {
	readonly offered = signal<Preset[]>(presets);
	readonly choice;
	readonly #clock: Clock;
	readonly #query: string;
	readonly #changed: () => void;
	#byHand = false;

	/** Calls `changed` when the days to show change. */
	constructor(clock: Clock, query: string, changed: () => void) {
		this.#clock = clock;
		this.#query = query;
		this.#changed = changed;
		this.choice = signal<Choice>(choiceOf(query, clock.today(), presets));
	}

	/** The period of the choice today. */
	period(): Period {
		return periodOf(this.choice.value, this.#clock.today(), this.offered.value);
	}

	/** Chooses by hand and updates the address. */
	choose(choice: Choice): void {
		this.#byHand = true;
		this.choice.value = choice;
		history.replaceState(history.state, "", location.pathname + queryOf(choice));
		this.#changed();
	}

	/** Offers other named ranges as they become known, and applies a choice from the address or by hand to them. */
	offer(offered: Preset[]): void {
		const before = this.period().range;
		const wanted = this.#byHand
			? this.choice.value
			: choiceOf(this.#query, this.#clock.today(), [...presets, ...offered]);
		batch(() => {
			this.offered.value = offered;
			this.choice.value = choiceAmong(wanted, offered);
		});
		if (!isSame(this.period().range, before)) {
			this.#changed();
		}
	}
}
