// How far usage is behind the balance. A few seconds are normal: only a longer lag
// is shown.

const behindQuietly = 4_000;

/** The entries in the balance and in usage at one time. */
export interface Moment {
	seq: number;
	asOf: number;
	at: number;
}

export class Lag {
	#ahead: { seq: number; at: number }[] = []; // what the balance was seen at and usage has not reached

	/** How many entries usage is behind, and how many of them to show. */
	look({ seq, asOf, at }: Moment): { lacking: number; told: number } {
		if (seq > (this.#ahead.at(-1)?.seq ?? 0)) {
			this.#ahead.push({ seq, at });
		}
		this.#ahead = this.#ahead.filter((seen) => seen.seq > asOf);
		const lacking = Math.max(0, seq - asOf);
		const late = this.#ahead.some((seen) => at - seen.at >= behindQuietly);
		return { lacking, told: late ? lacking : 0 };
	}
}
