// Plans, packs and payments: what is offered, how the account stands, and what a
// person does about it. Nothing of it is asked for where nothing is offered.

import { batch, computed, effect, signal } from "@preact/signals";
import { Failure, type Get, type Send } from "./api.ts";
import { accountPath, type Live, Part } from "./live.ts";
import { presetsFor } from "./periods.ts";
import { arrived, forgetVisit, markOf, type Outcome, recall, remember, type Visit } from "./returning.ts";
import type { AutoRefill, Balance, Bill, Money, Pack, Page, Plan, Subscription } from "./wire.ts";

/** What a person wishes to buy. */
export type Wish = { plan: Plan } | { pack: Pack; saveCard: boolean };

/** The dialogs. In `offers` the packs may come first. */
export type Dialog = "plans" | "packs" | "manage" | "cancel";

/** What auto-refill is to be. */
export type RefillTerms =
	| { enabled: false }
	| { enabled: true; threshold: string; pack_id: string; monthly_cap: Money; consent: true };

/** What is said of a purchase. */
export interface Note {
	kind: "payment" | "change";
	state: "waiting" | "there" | "late" | "canceled";
}

/** The lines shown, newest first, and where to read on. */
export interface Bills {
	lines: Bill[];
	next: string | null;
}

const catalogPage = 200;
const catalogPages = 5;
const firstTryAgain = 10_000;
const lastTryAgain = 60_000;
const refreshEvery = 60_000;
const billsPage = 10;
const filePage = 200;
const filePages = 25;
const hurried = 2_000;
const hurryFor = 60_000;

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

export class BillingState {
	readonly live: Live;
	readonly plans = signal<Plan[]>([]);
	readonly packs = signal<Pack[]>([]);
	readonly offered = computed(() => this.plans.value.length > 0 || this.packs.value.length > 0);
	readonly subscription = new Part<Subscription>();
	readonly refill = new Part<AutoRefill>();
	readonly bills = new Part<Bills>();
	readonly note = signal<Note | null>(null);
	readonly dialog = signal<Dialog | null>(null);

	/** What is being done, by a name of the page's; one thing at a time. */
	readonly doing = signal<string | null>(null);
	/** Why what was to be done last could not be, and what it was. */
	readonly refused = signal<{ what: string; failure: Failure } | null>(null);

	/** What plans are called. */
	readonly planNames = computed(() => {
		const present = this.subscription.data.value?.plan;
		return new Map([...(present ? [present] : []), ...this.plans.value].map(({ id, name }) => [id, name]));
	});

	readonly #get: Get;
	readonly #send: Send;
	readonly #keys = new Map<string, string>(); // of purchases that are not known to have come about
	readonly #endings: (() => void)[] = [];
	#stopped = new AbortController();
	#tryAgain: ReturnType<typeof setTimeout> | undefined;
	#hurry: ReturnType<typeof setTimeout> | undefined;
	#seen = { seq: 0, at: 0 };
	#opener: Element | null = null;
	#visit: Visit | null = null;
	#since = 0; // when the visit was over

	constructor(live: Live, get: Get, send: Send) {
		this.live = live;
		this.#get = get;
		this.#send = send;
	}

	/** Starts, with what the payment page has said where the person comes from there. */
	start(outcome: Outcome | null): void {
		void this.#loadOffers(firstTryAgain);
		if (outcome !== null) {
			this.#comeBack(outcome, recall(this.live.session.account));
		}
		forgetVisit();
		addEventListener("pageshow", this.#shownAgain);
	}

	stop(): void {
		this.#stopped.abort();
		clearTimeout(this.#tryAgain);
		clearTimeout(this.#hurry);
		removeEventListener("pageshow", this.#shownAgain);
		for (const end of this.#endings) {
			end();
		}
		for (const part of [this.subscription, this.refill, this.bills]) {
			part.stop();
		}
	}

	/** A page that the browser had put away while the person was elsewhere goes on from there. */
	readonly #shownAgain = (event: PageTransitionEvent) => {
		if (event.persisted) {
			this.doing.value = null;
			this.refresh();
		}
	};

	#account(path: string): string {
		return accountPath(this.live.session, path);
	}

	async #loadOffers(wait: number): Promise<void> {
		try {
			const [plans, packs] = await Promise.all([this.#catalog<Plan>("/v1/plans"), this.#catalog<Pack>("/v1/packs")]);
			if (this.#stopped.signal.aborted) {
				return;
			}
			batch(() => {
				this.plans.value = plans.sort((a, b) => a.price.amount - b.price.amount);
				this.packs.value = packs.sort((a, b) => a.price.amount - b.price.amount);
			});
			if (this.offered.value) {
				this.#begin();
			} else {
				this.note.value = null;
			}
		} catch (error) {
			if (!this.#stopped.signal.aborted && !this.#noticeEnd(error)) {
				const next = Math.min(2 * wait, lastTryAgain);
				this.#tryAgain = setTimeout(() => void this.#loadOffers(next), wait);
			}
		}
	}

	/** All that is offered of one kind; nothing where the platform does not know the kind. */
	async #catalog<T>(path: string): Promise<T[]> {
		const found: T[] = [];
		let cursor: string | null = null;
		for (let pages = 0; pages < catalogPages; pages++) {
			const on: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
			try {
				const page: Page<T> = await this.#get(`${path}?limit=${catalogPage}${on}`, this.#stopped.signal);
				found.push(...page.data);
				cursor = page.next_cursor;
			} catch (error) {
				if (error instanceof Failure && error.is("not-found")) {
					return [];
				}
				throw error;
			}
			if (cursor === null) {
				break;
			}
		}
		return found;
	}

	/** Whether a failure says that the session is over. */
	#noticeEnd(error: unknown): boolean {
		const ended = error instanceof Failure && error.is("unauthenticated");
		if (ended) {
			this.live.ended.value = true;
		}
		return ended;
	}

	#begin(): void {
		this.live.showPayments();
		this.refresh();
		this.#endings.push(
			// The balance is read all the time; what else has changed is seen by it.
			effect(() => {
				const at = this.live.balance.readAt.value;
				const seq = this.live.balance.data.peek()?.seq ?? 0;
				if (at > 0 && (seq > this.#seen.seq || at - this.#seen.at >= refreshEvery || this.#visit !== null)) {
					this.refresh();
				}
			}),
			effect(() => {
				const subscription = this.subscription.data.value;
				const entries = this.live.history.data.value?.entries ?? [];
				if (subscription) {
					const offered = presetsFor(subscription, entries, this.live.zone.value);
					queueMicrotask(() => this.live.offer(offered));
				}
			}),
			effect(() => {
				const parts = [this.subscription, this.refill, this.bills];
				for (const failure of parts.map((part) => part.failure.value)) {
					this.#noticeEnd(failure);
				}
			}),
			effect(() => this.#look(this.live.balance.data.value, this.subscription.data.value, this.bills.data.value)),
		);
	}

	/** Reads anew how the account stands. */
	refresh(): void {
		this.#seen = { seq: this.live.balance.data.peek()?.seq ?? 0, at: Date.now() };
		void this.loadSubscription();
		void this.loadRefill();
		void this.loadBills();
	}

	async loadSubscription(): Promise<void> {
		await this.subscription.load((signal) => this.#get<Subscription>(this.#account("subscription"), signal));
	}

	async loadRefill(): Promise<void> {
		await this.refill.load((signal) => this.#get<AutoRefill>(this.#account("auto-refill"), signal));
	}

	/** Reads the newest lines, as many as are shown: an old one may have changed, too. */
	async loadBills(): Promise<void> {
		const shown = this.bills.data.peek()?.lines.length ?? 0;
		await this.bills.load((signal) => this.#readBills(null, Math.max(shown, billsPage), signal));
	}

	/** Reads on after the last line that is shown. */
	async moreBills(): Promise<void> {
		const shown = this.bills.data.value ?? { lines: [], next: null };
		await this.bills.load(async (signal) => {
			const more = await this.#readBills(shown.next, billsPage, signal);
			return { lines: [...shown.lines, ...more.lines], next: more.next };
		});
	}

	/** Reads all lines, those that are not shown too; with `next` where there are more than a file should hold. */
	async allBills(): Promise<Bills | null> {
		try {
			return await this.#readBills(null, filePage * filePages, this.#stopped.signal);
		} catch (error) {
			this.bills.failure.value =
				error instanceof Failure ? error : new Failure("problem", "The file could not be made.");
			return null;
		}
	}

	async #readBills(from: string | null, wanted: number, signal: AbortSignal): Promise<Bills> {
		const lines: Bill[] = [];
		let cursor = from;
		do {
			const limit = Math.min(wanted - lines.length, filePage);
			const on = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
			const page = await this.#get<Page<Bill>>(this.#account(`billing-history?limit=${limit}${on}`), signal);
			lines.push(...page.data);
			cursor = page.next_cursor;
		} while (cursor !== null && lines.length < wanted);
		return { lines, next: cursor };
	}

	/** Opens a dialog, or closes the one that is open; the focus then goes back to where it came from. */
	show(dialog: Dialog | null): void {
		if (dialog !== null && this.dialog.value === null) {
			this.#opener = document.activeElement;
		}
		batch(() => {
			this.refused.value = null;
			this.dialog.value = dialog;
		});
	}

	/** Puts the focus back, once no dialog is there any more. */
	focusOpener(): void {
		const opener = this.#opener;
		this.#opener = null;
		if (opener instanceof HTMLElement && opener.isConnected) {
			opener.focus();
		}
	}

	/** Does one thing at a time, and keeps why it could not be done. */
	async #do(what: string, act: () => Promise<void>): Promise<boolean> {
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
				const failure = error instanceof Failure ? error : new Failure("problem", "The answer was not understood.");
				this.refused.value = { what, failure };
			}
			return false;
		} finally {
			this.doing.value = null;
		}
	}

	/** Buys, or changes the plan: leads to the payment page where there is something to pay at it. */
	async choose(wish: Wish): Promise<void> {
		const name = "plan" in wish ? `plan:${wish.plan.id}` : `pack:${wish.pack.id}`;
		const body =
			"plan" in wish ? { plan_id: wish.plan.id } : { pack_id: wish.pack.id, ...(wish.saveCard && { save_card: true }) };
		const same = JSON.stringify(body);
		const key = this.#keys.get(same) ?? crypto.randomUUID();
		this.#keys.set(same, key);
		await this.#do(name, async () => {
			const visit: Visit = {
				account: this.live.session.account,
				wish: name,
				pays: paysNow(wish, this.subscription.data.value),
				mark: markOf(this.live.balance.data.value, this.subscription.data.value, this.bills.data.value),
			};
			const { url } = await this.#send<{ url: string }>("POST", this.#account("checkouts"), body, key).catch(
				(error: unknown) => {
					if (error instanceof Failure && (error.is("idempotency-key-reused") || error.is("not-offered"))) {
						this.#keys.delete(same);
					}
					throw error;
				},
			);
			this.#keys.delete(same);
			if (isThisPage(url)) {
				this.show(null);
				this.#comeBack("success", visit);
				this.refresh();
			} else {
				remember(visit);
				await leave(url);
			}
		});
	}

	/** Opens the payment processor's page of cards and invoices. */
	async openPortal(where = "portal"): Promise<void> {
		await this.#do(where, async () => {
			const { url } = await this.#send<{ url: string }>("POST", this.#account("portal"), {});
			await leave(url);
		});
	}

	/** Has the plan end with its period, or takes that back. */
	async endPlan(ends: boolean): Promise<void> {
		await this.#do(ends ? "cancel" : "resume", async () => {
			const path = this.#account(`subscription/${ends ? "cancel" : "resume"}`);
			const subscription = await this.#send<Subscription>("POST", path, {});
			await this.subscription.load(async () => subscription);
			this.show(null);
			this.note.value = { kind: "change", state: "there" };
		});
	}

	async saveRefill(terms: RefillTerms): Promise<boolean> {
		return this.#do("refill", async () => {
			const refill = await this.#send<AutoRefill>("PUT", this.#account("auto-refill"), terms);
			await this.refill.load(async () => refill);
		});
	}

	#comeBack(outcome: Outcome, visit: Visit | null): void {
		clearTimeout(this.#hurry);
		const kind = visit?.pays === false ? "change" : "payment";
		if (outcome === "canceled") {
			this.note.value = { kind, state: "canceled" };
			return;
		}
		this.#visit = visit ?? { account: this.live.session.account, wish: "", pays: true, mark: null };
		this.#since = Date.now();
		this.note.value = { kind, state: "waiting" };
		this.live.hurry(hurried);
		this.#hurry = setTimeout(() => this.#settle("late"), hurryFor);
	}

	/** Sees whether what was bought has come. */
	#look(balance: Balance | null, subscription: Subscription | null, bills: Bills | null): void {
		const visit = this.#visit;
		if (visit && balance && arrived(visit, this.#since, balance, subscription, bills)) {
			queueMicrotask(() => this.#settle("there"));
		}
	}

	#settle(state: "there" | "late"): void {
		if (this.#visit === null || this.#stopped.signal.aborted) {
			return;
		}
		clearTimeout(this.#hurry);
		this.#visit = null;
		this.note.value = { kind: this.note.value?.kind ?? "payment", state };
		this.live.hurry(null);
		this.refresh();
	}
}

/** Whether a wish costs money now, as far as the page can tell. */
function paysNow(wish: Wish, subscription: Subscription | null): boolean {
	if ("pack" in wish) {
		return true;
	}
	return wish.plan.price.amount > 0 && wish.plan.price.amount > (subscription?.plan?.price.amount ?? 0);
}

function isThisPage(url: string): boolean {
	const there = new URL(url, location.href);
	return there.origin === location.origin && there.pathname === location.pathname;
}

/** Leads to another page. What is said to be under way stays so until that is there. */
async function leave(url: string): Promise<void> {
	const { protocol } = new URL(url, location.href);
	if (protocol !== "https:" && protocol !== "http:") {
		throw new Failure("problem", "The payment page has an address that cannot be opened.");
	}
	location.assign(url);
	await new Promise((resolve) => setTimeout(resolve, 10_000));
}
