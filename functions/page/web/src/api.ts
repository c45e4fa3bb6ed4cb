// Requests to the platform's API, which is of the same origin.

import type { Problem } from "./wire.ts";

/** Why a request has failed, as far as the page acts on it. */
export class Failure extends Error {
	readonly kind: "ended" | "offline" | "problem";
	readonly problem: string; // the problem's type, or ""

	constructor(kind: Failure["kind"], message: string, problem = "") {
		super(message);
		this.kind = kind;
		this.problem = problem;
	}
}

const patience = 20_000; // milliseconds until an answer is given up on

export type Get = <T>(path: string, signal: AbortSignal) => Promise<T>;

/** Makes the one way to ask: GET with the session's token. */
export function withToken(token: string): Get {
	return async <T>(path: string, signal: AbortSignal): Promise<T> => {
		const request = new AbortController();
		const stop = () => request.abort();
		signal.addEventListener("abort", stop);
		const timer = setTimeout(stop, patience);
		try {
			const response = await fetch(path, {
				headers: { Accept: "application/json", Authorization: `Bearer ${token}` },
				credentials: "omit",
				cache: "no-store",
				signal: request.signal,
			});
			if (!response.ok) {
				throw await refusal(response);
			}
			return (await response.json()) as T;
		} catch (error) {
			if (error instanceof Failure || signal.aborted) {
				throw error;
			}
			throw new Failure(
				"offline",
				navigator.onLine ? "The service cannot be reached at the moment." : "You seem to be offline.",
			);
		} finally {
			clearTimeout(timer);
			signal.removeEventListener("abort", stop);
		}
	};
}

async function refusal(response: Response): Promise<Failure> {
	const problem: Partial<Problem> = await response.json().catch(() => ({}));
	const type = problem.type ?? "";
	if (response.status === 401 || response.status === 403) {
		return new Failure("ended", problem.detail ?? "", type);
	}
	if (type.endsWith(":account-not-found")) {
		return new Failure("problem", "This account is not set up yet. Its usage appears here once it is.", type);
	}
	return new Failure("problem", problem.detail ?? `The service answered with status ${response.status}.`, type);
}
