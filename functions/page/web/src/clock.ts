// The time by the API's clock, and today's date for the account.

import { signal } from "@preact/signals";
import { type Day, dayAt, isZone } from "./days.ts";

const clocksDiffer = 30_000; // from there on the device's clock is not believed

export class Clock {
	readonly zone;
	/** How far the device's clock is behind the API's, in milliseconds. */
	readonly skew = signal(0);

	constructor(zone: string) {
		this.zone = signal(zone);
	}

	now(): number {
		return Date.now() + this.skew.value;
	}

	today(): Day {
		return dayAt(this.now(), this.zone.value);
	}

	/** Sets the clock by the time of an answer just received. */
	setBy(instant: string): void {
		const skew = Date.parse(instant) - Date.now();
		this.skew.value = Math.abs(skew) >= clocksDiffer ? skew : 0;
	}

	/** Adopts the account's zone, which may change during a session. */
	moveTo(zone: string): void {
		if (isZone(zone) && zone !== this.zone.value) {
			this.zone.value = zone;
		}
	}
}
