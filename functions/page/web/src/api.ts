// Requests to the platform's API, on the same origin. The queries, bodies and
// answers of each path are typed by the API's own document.

import type { paths } from "./openapi.d.ts";
import type { Session } from "./session.ts";
import type { Problem } from "./wire.ts";

/** Why a request failed, as far as the page acts on it. */
export class Failure extends Error {
	readonly kind: "ended" | "offline" | "problem";
	readonly problem: string; // the problem's type, or ""
	readonly fields: Map<string, string>; // the invalid fields of the request, with the reason

	constructor(kind: Failure["kind"], message: string, problem = "", fields = new Map<string, string>()) {
		super(message);
		this.kind = kind;
		this.problem = problem;
		this.fields = fields;
	}

	/** Whether it is the problem with this slug. */
	is(slug: string): boolean {
		return this.problem.endsWith(`:${slug}`);
	}

	/** The error as a failure; other errors get these words. */
	static of(error: unknown, words = "The service sent an unexpected answer."): Failure {
		return error instanceof Failure ? error : new Failure("problem", words);
	}
}

const patience = 20_000; // milliseconds until a request times out

type Method = "get" | "post" | "put";

/** The paths that have a method. */
type PathsWith<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, object> ? P : never }[keyof paths];

type Answer<Operation> = Operation extends { responses: infer R }
	? { [S in keyof R]: S extends 200 | 201 ? (R[S] extends JSONContent<infer T> ? T : never) : never }[keyof R]
	: never;
type Body<Operation> = Operation extends { requestBody?: JSONContent<infer T> } ? T : never;
type Query<Operation> = Operation extends { parameters: { query?: infer Q } } ? OrNothing<NonNullable<Q>> : never;
type OrNothing<Q> = [Q] extends [never] ? Record<string, never> : Q;
type JSONContent<T> = { content: { "application/json": T } };

/** Reads from a path. `{account_id}` stands for the session's account. */
export type Get = <P extends PathsWith<"get">>(
	path: P,
	query: Query<paths[P]["get"]>,
	signal: AbortSignal,
) => Promise<Answer<paths[P]["get"]>>;

/** A request that changes something. A key makes it safe to send again. */
export type Send = <M extends "post" | "put", P extends PathsWith<M>>(
	method: M,
	path: P,
	body: Body<paths[P][M]>,
	key?: string,
) => Promise<Answer<paths[P][M]>>;

type Caller = Pick<Session, "token" | "account">;

/** Returns a function that reads with the session's token. */
export function reading(caller: Caller): Get {
	return (path, query, signal) => request(caller, addressOf(path, query), {}, {}, signal);
}

/** Returns a function that sends changes with the session's token. */
export function sending(caller: Caller): Send {
	return (method, path, body, key) => {
		const headers = { "Content-Type": "application/json", ...(key !== undefined && { "Idempotency-Key": key }) };
		const init = { method: method.toUpperCase(), body: JSON.stringify(body) };
		return request(caller, path, init, headers, new AbortController().signal);
	};
}

function addressOf(path: string, query: object): string {
	const given = Object.entries(query).filter(([, value]) => value !== undefined);
	return given.length === 0
		? path
		: `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

async function request<T>(
	caller: Caller,
	address: string,
	init: RequestInit,
	headers: Record<string, string>,
	signal: AbortSignal,
): Promise<T> {
	const running = new AbortController();
	const stop = () => running.abort();
	signal.addEventListener("abort", stop);
	const timer = setTimeout(stop, patience);
	try {
		const response = await fetch(address.replace("{account_id}", encodeURIComponent(caller.account)), {
			...init,
			headers: { Accept: "application/json", Authorization: `Bearer ${caller.token}`, ...headers },
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
	const type: string = problem.type ?? "";
	if (response.status === 401 || response.status === 403) {
		return new Failure("ended", problem.detail ?? "", type);
	}
	if (type.endsWith(":account-not-found")) {
		return new Failure("problem", "This account is not set up yet. Its usage will appear here once it is.", type);
	}
	const fields = new Map((problem.invalid_params ?? []).map(({ name, reason }) => [name, reason]));
	const missing = response.status === 404 ? "urn:drawdown:problem:not-found" : "";
	const words = problem.detail ?? `The service answered with status ${response.status}.`;
	return new Failure("problem", words, type || missing, fields);
}
