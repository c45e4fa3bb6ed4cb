// Buying: the request for a wish, and the redirect to the payment page.

import { Failure, type Send } from "./api.ts";
import { remember, type Visit } from "./returning.ts";
import type { CheckoutRequest, Pack, Plan, Subscription } from "./wire.ts";

/** What a person wants to buy. */
export type Wish = { plan: Plan } | { pack: Pack; saveCard: boolean };

/** The page's name of a wish. */
export function nameOf(wish: Wish): string {
	return "plan" in wish ? `plan:${wish.plan.id}` : `pack:${wish.pack.id}`;
}

/** Whether a wish costs money now, as far as the page can tell. */
export function paysNow(wish: Wish, subscription: Subscription | null): boolean {
	if ("pack" in wish) {
		return true;
	}
	return wish.plan.price.amount > 0 && wish.plan.price.amount > (subscription?.plan?.price.amount ?? 0);
}

function requestOf(wish: Wish): CheckoutRequest {
	return "plan" in wish
		? { plan_id: wish.plan.id }
		: { pack_id: wish.pack.id, ...(wish.saveCard && { save_card: true }) };
}

export class Checkout {
	readonly #send: Send;
	readonly #keys = new Map<string, string>(); // of purchases not yet known to have succeeded

	constructor(send: Send) {
		this.#send = send;
	}

	/** Buys, or changes the plan. Reports whether it is done; otherwise the person is sent to the payment page. */
	async buy(wish: Wish, visit: Visit): Promise<boolean> {
		const body = requestOf(wish);
		const same = JSON.stringify(body);
		const key = this.#keys.get(same) ?? crypto.randomUUID();
		this.#keys.set(same, key);
		const { url } = await this.#send("post", "/v1/accounts/{account_id}/checkouts", body, key).catch(
			(error: unknown) => {
				if (error instanceof Failure && (error.is("idempotency-key-reused") || error.is("not-offered"))) {
					this.#keys.delete(same);
				}
				throw error;
			},
		);
		this.#keys.delete(same);
		if (isThisPage(url)) {
			return true;
		}
		remember(visit);
		await leave(url);
		return false;
	}

	/** Opens the payment processor's page of cards and invoices. */
	async openPortal(): Promise<void> {
		const { url } = await this.#send("post", "/v1/accounts/{account_id}/portal", {});
		await leave(url);
	}
}

function isThisPage(url: string): boolean {
	const there = new URL(url, location.href);
	return there.origin === location.origin && there.pathname === location.pathname;
}

/** Goes to another page. Anything shown as in progress stays so until it loads. */
async function leave(url: string): Promise<void> {
	const { protocol } = new URL(url, location.href);
	if (protocol !== "https:" && protocol !== "http:") {
		throw new Failure("problem", "The address of the payment page cannot be opened.");
	}
	location.assign(url);
	await new Promise((resolve) => setTimeout(resolve, 10_000));
}
