// What a person has done about the account: one thing at a time, and why it could
// not be done.

import { batch, signal } from "@preact/signals";
import { Failure } from "./api.ts";

/** What a failed request for something to be done is said as. */
export function failureWords(failure: Failure): string {
	const said: Record<string, string> = {
		"not-offered": "This is not offered any more. Choose something else.",
		"plan-not-found": "This is not offered any more. Choose something else.",
		"pack-not-found": "This is not offered any more. Choose something else.",
		"no-subscription": "There is no plan any more.",
		"payments-unavailable": "Payments cannot be reached at the moment. Try again in a while.",
		contended: "Something else is changing your account right now. Try again.",
		unavailable: "The service is busy at the moment. Try again.",
		forbidden: "This session may not buy. Open Usage again from your account menu.",
	};
	const name = failure.problem.slice(failure.problem.lastIndexOf(":") + 1);
	return said[name] ?? failure.message;
}

export class Actions {
	/** What is being done, by a name of the page's. */
	readonly doing = signal<string | null>(null);
	/** Why what was to be done last could not be, and what it was. */
	readonly refused = signal<{ what: string; failure: Failure } | null>(null);
	readonly #noticeEnd: (error: unknown) => boolean;

	/** `noticeEnd` reports whether an error is the end of the session, of which nothing is to be said here. */
	constructor(noticeEnd: (error: unknown) => boolean) {
		this.#noticeEnd = noticeEnd;
	}

	/** Acts, unless something is being done; reports whether it was done. */
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

	/** Forgets why something could not be done. */
	forget(): void {
		this.refused.value = null;
	}
}
