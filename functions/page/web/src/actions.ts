// Actions on the account, one at a time, and why one failed.

import { batch, signal } from "@preact/signals";
import { Failure } from "./api.ts";

/** A failed action in words. */
export function failureWords(failure: Failure): string {
	const said: Record<string, string> = {
		"not-offered": "This is no longer available. Choose something else.",
		"plan-not-found": "This is no longer available. Choose something else.",
		"pack-not-found": "This is no longer available. Choose something else.",
		"no-subscription": "You have no active plan.",
		"payments-unavailable": "Payments are not available at the moment. Try again later.",
		contended: "Your account is being changed by another request. Try again.",
		unavailable: "The service is busy at the moment. Try again.",
		forbidden: "This session does not allow purchases. Open Usage again from your account menu.",
	};
	const name = failure.problem.slice(failure.problem.lastIndexOf(":") + 1);
	return said[name] ?? failure.message;
}

export class Actions {
	/** The running action, by the page's name for it. */
	readonly doing = signal<string | null>(null);
	/** The last action if it failed, and why. */
	readonly refused = signal<{ what: string; failure: Failure } | null>(null);
	readonly #noticeEnd: (error: unknown) => boolean;

	/** `noticeEnd` reports whether an error is the end of the session, which is not shown here. */
	constructor(noticeEnd: (error: unknown) => boolean) {
		this.#noticeEnd = noticeEnd;
	}

	/** Runs an action unless one is running; reports whether it succeeded. */
	async run(what: string, act: () => Promise<void>): Promise<boolean> {
		if (this.doing.value !== null) {
			return false;
		}
		batch(() => {
			this.doing.value = what;
			this.refused.value = null;
		});
		try {
			await act();
			return true;
		} catch (error) {
			if (!this.#noticeEnd(error)) {
				this.refused.value = { what, failure: Failure.of(error) };
			}
			return false;
		} finally {
			this.doing.value = null;
		}
	}

	/** Clears the last failure. */
	forget(): void {
		this.refused.value = null;
	}
}
