// Plans, packs and payments: their state for the account, and the actions on them.
// Nothing is requested if the platform offers nothing.

import { computed, effect } from "@preact/signals";
import { Actions } from "./actions.ts";
import type { Get, Send } from "./api.ts";
import { Arrival } from "./arrival.ts";
import { BillList } from "./bill-list.ts";
import { Catalog } from "./catalog.ts";
import { Checkout, nameOf, paysNow, type Wish } from "./checkout.ts";
import type { Live } from "./live.ts";
import { type DialogName, OpenedDialog } from "./opened.ts";
import { Part } from "./part.ts";
import { presetsFor } from "./periods.ts";
import { forgetVisit, markOf, type Outcome, recall, type Visit } from "./returning.ts";
import type { AutoRefill, AutoRefillRequest, Subscription } from "./wire.ts";

type Given<Field extends keyof AutoRefillRequest> = { [F in Field]: NonNullable<AutoRefillRequest[F]> };

/** The requested settings of automatic refill. */
export type RefillTerms =
	| (Given<"enabled"> & { enabled: false })
	| (Given<"enabled" | "threshold" | "pack_id" | "monthly_cap" | "consent"> & { enabled: true; consent: true });

const refreshEvery = 60_000;

export class BillingState {
	readonly live: Live;
	readonly catalog: Catalog;
	readonly subscription = new Part<Subscription>();
	readonly refill = new Part<AutoRefill>();
	readonly bills: BillList;
	readonly arrival: Arrival;
	readonly dialog = new OpenedDialog();
	readonly actions: Actions;

	/** The names of plans. */
	readonly planNames = computed(() => {
		const present = this.subscription.data.value?.plan;
		return new Map([...(present ? [present] : []), ...this.catalog.plans.value].map(({ id, name }) => [id, name]));
	});

	readonly #get: Get;
	readonly #send: Send;
	readonly #checkout: Checkout;
	readonly #endings: (() => void)[] = [];
	#seen = { seq: 0, at: 0 };

	constructor(live: Live, get: Get, send: Send) {
		this.live = live;
		this.#get = get;
		this.#send = send;
		this.#checkout = new Checkout(send);
		this.catalog = new Catalog(get);
		this.bills = new BillList(get);
		this.actions = new Actions((error) => live.health.noticeEnd(error));
		this.arrival = new Arrival(
			(every) => live.hurry(every),
			() => this.refresh(),
		);
	}

	/** Starts, with the payment page's outcome if the person comes from there. */
	start(outcome: Outcome | null): void {
		void this.catalog.load(
			(error) => this.live.health.noticeEnd(error),
			() => this.#begin(),
		);
		if (outcome !== null) {
			const { account } = this.live.session;
			this.arrival.comeBack(outcome, recall(account) ?? { account, wish: "", pays: true, mark: null });
		}
		forgetVisit();
		addEventListener("pageshow", this.#shownAgain);
	}

	stop(): void {
		removeEventListener("pageshow", this.#shownAgain);
		for (const end of this.#endings) {
			end();
		}
		for (const part of [this.catalog, this.arrival, this.subscription, this.refill, this.bills]) {
			part.stop();
		}
	}

	/** Resumes a page that the browser had cached while the person was elsewhere. */
	readonly #shownAgain = (event: PageTransitionEvent) => {
		if (event.persisted) {
			this.actions.doing.value = null;
			this.refresh();
		}
	};

	#begin(): void {
		if (!this.catalog.offered.value) {
			this.arrival.note.value = null;
			return;
		}
		this.live.history.showPayments();
		this.refresh();
		this.#endings.push(
			// The balance is read all the time and shows when the rest has changed.
			effect(() => {
				const at = this.live.balance.readAt.value;
				const seq = this.live.balance.data.peek()?.seq ?? 0;
				if (at > 0 && (seq > this.#seen.seq || at - this.#seen.at >= refreshEvery || this.arrival.waiting)) {
					this.refresh();
				}
			}),
			effect(() => {
				const subscription = this.subscription.data.value;
				const entries = this.live.history.shown.data.value?.entries ?? [];
				if (subscription) {
					const offered = presetsFor(subscription, entries, this.live.clock.zone.value);
					queueMicrotask(() => this.live.range.offer(offered));
				}
			}),
			effect(() => {
				for (const part of [this.subscription, this.refill, this.bills.shown]) {
					this.live.health.noticeEnd(part.failure.value);
				}
			}),
			effect(() =>
				this.arrival.look(this.live.balance.data.value, this.subscription.data.value, this.bills.shown.data.value),
			),
		);
	}

	/** Reads the state of the account again. */
	refresh(): void {
		this.#seen = { seq: this.live.balance.data.peek()?.seq ?? 0, at: Date.now() };
		void this.loadSubscription();
		void this.loadRefill();
		void this.bills.load();
	}

	async loadSubscription(): Promise<void> {
		await this.subscription.load((signal) => this.#get("/v1/accounts/{account_id}/subscription", {}, signal));
	}

	async loadRefill(): Promise<void> {
		await this.refill.load((signal) => this.#get("/v1/accounts/{account_id}/auto-refill", {}, signal));
	}

	/** Opens a dialog, or closes the open one. Failures of another dialog are cleared. */
	show(dialog: DialogName | null): void {
		this.actions.forget();
		this.dialog.show(dialog);
	}

	/** Buys, or changes the plan; opens the payment page if a payment is due there. */
	async choose(wish: Wish): Promise<void> {
		await this.actions.run(nameOf(wish), async () => {
			const visit: Visit = {
				account: this.live.session.account,
				wish: nameOf(wish),
				pays: paysNow(wish, this.subscription.data.value),
				mark: markOf(this.live.balance.data.value, this.subscription.data.value, this.bills.shown.data.value),
			};
			if (await this.#checkout.buy(wish, visit)) {
				this.show(null);
				this.arrival.comeBack("success", visit);
				this.refresh();
			}
		});
	}

	/** Opens the payment processor's page of cards and invoices. */
	async openPortal(where = "portal"): Promise<void> {
		await this.actions.run(where, () => this.#checkout.openPortal());
	}

	/** Cancels the plan at the end of its period. */
	async cancelPlan(): Promise<void> {
		await this.#changePlan("cancel");
	}

	/** Undoes a cancellation. */
	async resumePlan(): Promise<void> {
		await this.#changePlan("resume");
	}

	async #changePlan(what: "cancel" | "resume"): Promise<void> {
		await this.actions.run(what, async () => {
			const subscription = await this.#send("post", `/v1/accounts/{account_id}/subscription/${what}`, {});
			await this.subscription.load(async () => subscription);
			this.show(null);
			this.arrival.note.value = { kind: "change", state: "there" };
		});
	}

	async saveRefill(terms: RefillTerms): Promise<boolean> {
		return this.actions.run("refill", async () => {
			const refill = await this.#send("put", "/v1/accounts/{account_id}/auto-refill", terms);
			await this.refill.load(async () => refill);
		});
	}
}
