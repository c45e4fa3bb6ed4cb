// Requests to the platform's API, which is of the same origin.

import type { Problem } from "./wire.ts";

/** Why a request has failed, as far as the page acts on it. */
export class Failure extends Error {
	readonly kind: "ended" | "offline" | "problem";
	readonly problem: string; // the problem's type, or ""
	readonly fields: Map<string, string>; // what is wrong with which field of a request

	constructor(kind: Failure["kind"], message: string, problem = "", fields = new Map<string, string>()) {
		super(message);
		this.kind = kind;
		this.problem = problem;
		this.fields = fields;
	}

	/** Whether it is the problem of this name. */
	is(slug: string): boolean {
		return this.problem.endsWith(`:${slug}`);
	}
}

const patience = 20_000; // milliseconds until an answer is given up on

export type Get = <T>(path: string, signal: AbortSignal) => Promise<T>;

/** A request that changes something. A key makes it safe to send again. */
export type Send = <T>(method: "POST" | "PUT", path: string, body: object, key?: string) => Promise<T>;

/** Makes the one way to ask: GET with the session's token. */
export function withToken(token: string): Get {
	return (path, signal) => request(token, path, {}, {}, signal);
}

/** Makes the one way to have something changed. */
export function sendingWithToken(token: string): Send {
	return (method, path, body, key) => {
		const headers = { "Content-Type": "application/json", ...(key !== undefined && { "Idempotency-Key": key }) };
		return request(token, path, { method, body: JSON.stringify(body) }, headers, new AbortController().signal);
	};
}

async function request<T>(
	token: string,
	path: string,
	init: RequestInit,
	headers: Record<string, string>,
	signal: AbortSignal,
): Promise<T> {
	const running = new AbortController();
	const stop = () => running.abort();
	signal.addEventListener("abort", stop);
	const timer = setTimeout(stop, patience);
	try {
		const response = await fetch(path, {
			...init,
			headers: { Accept: "application/json", Authorization: `Bearer ${token}`, ...headers },
			credentials: "omit",
			cache: "no-store",
			signal: running.signal,
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
	const fields = new Map((problem.invalid_params ?? []).map(({ name, reason }) => [name, reason]));
	const missing = response.status === 404 ? "urn:drawdown:problem:not-found" : "";
	const words = problem.detail ?? `The service answered with status ${response.status}.`;
	return new Failure("problem", words, type || missing, fields);
}
