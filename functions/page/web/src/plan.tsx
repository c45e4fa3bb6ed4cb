// The plan in the balance card, and its actions.

import type { ComponentChildren } from "preact";
import { failureWords } from "./actions.ts";
import type { BillingState } from "./billing.ts";
import { parseCredits, thousandths } from "./credits.ts";
import { Dialog } from "./dialog.tsx";
import { Bar, Credits } from "./figures.tsx";
import { credits, dateOf, plural } from "./format.ts";
import { moneyWords } from "./money.ts";
import { webAddress } from "./session.ts";
import type { Subscription } from "./wire.ts";
import "./plan.css";

/** Why an action failed, shown next to it. */
export function Refusal({ billing, of }: { billing: BillingState; of: (what: string) => boolean }) {
	const refused = billing.actions.refused.value;
	return (
		<p class="wrong" role="alert" data-test="refusal">
			{refused && of(refused.what) ? failureWords(refused.failure) : null}
		</p>
	);
}

/** A button that starts an action and shows while it runs. */
export function Doing(props: {
	billing: BillingState;
	what: string;
	test: string;
	primary?: boolean;
	onClick: () => void;
	children: ComponentChildren;
}) {
	const doing = props.billing.actions.doing.value;
	return (
		<button
			type="button"
			class={props.primary ? "button primary" : "button"}
			data-test={props.test}
			aria-disabled={doing !== null}
			aria-busy={doing === props.what}
			onClick={() => {
				if (doing === null) {
					props.onClick();
				}
			}}
		>
			{doing === props.what ? "One moment…" : props.children}
		</button>
	);
}

export function PlanPanel({ billing }: { billing: BillingState }) {
	const subscription = billing.subscription.data.value;
	if (!subscription) {
		return billing.subscription.failure.value ? (
			<div class="plan-panel">
				<p class="quiet">The plan cannot be shown at the moment.</p>
				<div class="actions">
					<button type="button" class="button" onClick={() => void billing.loadSubscription()}>
						Try again
					</button>
				</div>
			</div>
		) : (
			<div class="plan-panel">
				<span class="bone line" />
			</div>
		);
	}
	return (
		<>
			<PayNote subscription={subscription} />
			<div class="plan-panel">
				<PlanFacts billing={billing} subscription={subscription} />
				<PlanActions billing={billing} subscription={subscription} />
			</div>
			<Refusal billing={billing} of={(what) => what === "portal"} />
		</>
	);
}

function PayNote({ subscription }: { subscription: Subscription }) {
	const address = subscription.pay_url === null ? null : webAddress(subscription.pay_url);
	if (address === null) {
		return null;
	}
	return (
		<p class="note trouble" data-test="pay">
			<span>
				{subscription.plan
					? "The last payment for your plan failed. Pay now to keep the plan."
					: "The first payment for your plan is still due."}
			</span>
			<a class="button" href={address} rel="noreferrer" data-test="pay-now">
				Pay now
			</a>
		</p>
	);
}

/** When the plan renews, changes or ends. */
export function renewalWords(subscription: Subscription, names: Map<string, string>, zone: string): string {
	const { period_end: end, renews_at: renews, next_plan_id: next } = subscription;
	if (subscription.cancel_at_period_end || renews === null) {
		return end === null ? "" : `Ends on ${dateOf(end, zone)}`;
	}
	if (next !== null && next !== subscription.plan?.id) {
		return `Changes to ${names.get(next) ?? next} on ${dateOf(renews, zone)}`;
	}
	return `Renews on ${dateOf(renews, zone)}`;
}

function PlanFacts({ billing, subscription }: { billing: BillingState; subscription: Subscription }) {
	const { plan } = subscription;
	if (!plan) {
		return (
			<div class="plan-facts">
				<p class="plan-name">{subscription.status === "ended" ? "Your plan has ended" : "No plan yet"}</p>
				<p class="quiet">
					{billing.catalog.plans.value.length > 0
						? "A plan includes credits in every period."
						: "Buy credits as you need them."}
				</p>
			</div>
		);
	}
	const left = parseCredits(subscription.included_remaining);
	const included = parseCredits(plan.included_credits);
	const overage = parseCredits(subscription.overage_used);
	return (
		<div class="plan-facts" data-test="plan" data-key={plan.id}>
			<p>
				<span class="plan-name">{plan.name}</span>{" "}
				<span class="quiet" data-test="plan-renews">
					{renewalWords(subscription, billing.planNames.value, billing.live.clock.zone.value)}
				</span>
			</p>
			<div class="included">
				<p>
					<Credits of={left} test="included-left" /> <span class="quiet">of</span>{" "}
					<Credits of={included} test="included" /> <span class="quiet">included credits left</span>
				</p>
				<Bar thousandths={thousandths(left, included) ?? 0} />
			</div>
			{overage > 0n && (
				<p data-test="plan-overage">
					<Credits of={overage} /> {plural(overage, "credit")} of overage
					{subscription.overage_price && `, ${moneyWords(subscription.overage_price)} so far`}
				</p>
			)}
		</div>
	);
}

function PlanActions({ billing, subscription }: { billing: BillingState; subscription: Subscription }) {
	const known = (billing.bills.shown.data.value?.lines.length ?? 0) > 0;
	const packs = billing.catalog.packs.value.length > 0;
	const plans = billing.catalog.plans.value.length > 0;
	const open = (dialog: "plans" | "packs", test: string, words: string, primary: boolean) => (
		<button
			type="button"
			class={primary ? "button primary" : "button"}
			data-test={test}
			aria-haspopup="dialog"
			onClick={() => billing.show(dialog)}
		>
			{words}
		</button>
	);
	return (
		<div class="actions">
			{subscription.plan ? (
				<>
					{open("plans", "get-credits", "Get more credits", true)}
					<button
						type="button"
						class="button"
						data-test="manage-plan"
						aria-haspopup="dialog"
						onClick={() => billing.show("manage")}
					>
						Manage plan
					</button>
				</>
			) : (
				<>
					{plans && open("plans", "activate-plan", "Activate a plan", true)}
					{packs && open("packs", "get-credits", "Buy credits", !plans)}
				</>
			)}
			{(subscription.plan || known) && (
				<Doing billing={billing} what="portal" test="portal" onClick={() => void billing.openPortal()}>
					Cards and invoices
				</Doing>
			)}
		</div>
	);
}

const step = (what: string) => what === "cancel" || what === "resume";

export function ManageDialog({ billing, left }: { billing: BillingState; left: () => void }) {
	const subscription = billing.subscription.data.value;
	const plan = subscription?.plan;
	if (!plan) {
		return null;
	}
	const zone = billing.live.clock.zone.value;
	const end = subscription.period_end === null ? "" : dateOf(subscription.period_end, zone);
	const per = `${moneyWords(plan.price)} a ${plan.interval}`;
	const included = parseCredits(plan.included_credits);
	return (
		<Dialog title="Manage plan" test="manage" narrow close={() => billing.show(null)} left={left}>
			<div class="manage-plan">
				<p class="plan-name">{plan.name}</p>
				<p class="quiet">
					{`${plan.price.amount === 0 ? "Free" : per}, ${credits(included)} ${plural(included, "credit")} included`}
				</p>
				<p role="status">{renewalWords(subscription, billing.planNames.value, zone)}</p>
			</div>
			<ul class="choices">
				{billing.catalog.plans.value.length > 0 && (
					<li>
						<p>Choose another plan, or buy more credits.</p>
						<button type="button" class="button" data-test="change-plan" onClick={() => billing.show("plans")}>
							Change plan
						</button>
					</li>
				)}
				{subscription.cancel_at_period_end ? (
					<li>
						<p>{`Your plan ends on ${end}. If you resume it, it renews on that day instead.`}</p>
						<Doing billing={billing} what="resume" test="resume-plan" onClick={() => void billing.resumePlan()}>
							Resume plan
						</Doing>
					</li>
				) : (
					<li>
						<p>{`If you cancel, your plan stays active until ${end}. You can resume it until then.`}</p>
						<button type="button" class="button" data-test="cancel-plan" onClick={() => billing.show("cancel")}>
							Cancel plan
						</button>
					</li>
				)}
			</ul>
			<Refusal billing={billing} of={step} />
		</Dialog>
	);
}

export function CancelDialog({ billing, left }: { billing: BillingState; left: () => void }) {
	const subscription = billing.subscription.data.value;
	const plan = subscription?.plan;
	if (!plan) {
		return null;
	}
	const end =
		subscription.period_end === null ? "its end" : dateOf(subscription.period_end, billing.live.clock.zone.value);
	return (
		<Dialog title={`Cancel ${plan.name}?`} test="cancel" narrow close={() => billing.show(null)} left={left}>
			<p>
				{`Your plan and its credits stay available until ${end}. It does not renew after that. You keep the credits that you bought.`}
			</p>
			<Refusal billing={billing} of={step} />
			<div class="actions">
				<button type="button" class="button" data-test="keep-plan" onClick={() => billing.show(null)}>
					Keep plan
				</button>
				<Doing billing={billing} what="cancel" test="confirm-cancel" primary onClick={() => void billing.cancelPlan()}>
					Cancel plan
				</Doing>
			</div>
		</Dialog>
	);
}
