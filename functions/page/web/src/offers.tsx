// The dialog for choosing a plan or a pack.

import { useSignal } from "@preact/signals";
import type { BillingState } from "./billing.ts";
import type { Wish } from "./checkout.ts";
import { parseCredits } from "./credits.ts";
import { Dialog } from "./dialog.tsx";
import { credits, dateOf, plural } from "./format.ts";
import { offerWords, perCreditWords } from "./money.ts";
import { Doing, Refusal } from "./plan.tsx";
import type { Pack, Plan } from "./wire.ts";
import { overageWords, type PlanStep, planStep, validityWords } from "./words.ts";
import "./offers.css";

export function OffersDialog({ billing, left }: { billing: BillingState; left: () => void }) {
	const packsFirst = billing.dialog.name.value === "packs";
	const plans = billing.catalog.plans.value.length > 0 && <Plans key="plans" billing={billing} />;
	const packs = billing.catalog.packs.value.length > 0 && <Packs key="packs" billing={billing} />;
	const present = billing.subscription.data.value?.plan;
	const title = present || !plans ? "Get more credits" : "Get credits";
	return (
		<Dialog title={title} test="offers" close={() => billing.show(null)} left={left}>
			<Refusal billing={billing} of={isOffer} />
			{billing.actions.refused.value?.failure.is("payment-declined") && (
				<div class="actions">
					<Doing
						billing={billing}
						what="offers-portal"
						test="offers-portal"
						onClick={() => void billing.openPortal("offers-portal")}
					>
						Cards and invoices
					</Doing>
				</div>
			)}
			{packsFirst ? [packs, plans] : [plans, packs]}
		</Dialog>
	);
}

const isOffer = (what: string) => /^(plan:|pack:|offers-portal$)/.test(what);

const buttonWords: Record<PlanStep, string> = {
	start: "Choose",
	current: "",
	next: "",
	keep: "Keep",
	upgrade: "Upgrade to",
	downgrade: "Change to",
	apart: "",
};

function Plans({ billing }: { billing: BillingState }) {
	return (
		<section aria-labelledby="offers-plans">
			<h3 id="offers-plans">Plans</h3>
			<ul class="offers">
				{billing.catalog.plans.value.map((plan) => (
					<PlanOffer key={plan.id} billing={billing} plan={plan} />
				))}
			</ul>
		</section>
	);
}

function PlanOffer({ billing, plan }: { billing: BillingState; plan: Plan }) {
	const subscription = billing.subscription.data.value;
	const step = planStep(plan, subscription);
	const end = subscription?.period_end
		? dateOf(subscription.period_end, billing.live.clock.zone.value)
		: "the next period";
	const included = parseCredits(plan.included_credits);
	const rollover = parseCredits(plan.rollover);
	const badges: Partial<Record<PlanStep, string>> = {
		current: subscription?.cancel_at_period_end ? `Active until ${end}` : "Your plan",
		keep: `Active until ${end}`,
		next: `Starts on ${end}`,
	};
	const terms: Partial<Record<PlanStep, string>> = {
		upgrade: "You pay the difference for the rest of this period now.",
		downgrade: `Takes effect on ${end}.`,
		keep: "Cancels the scheduled change.",
		apart: "To switch, cancel your plan and choose this one after its period ends.",
		current: subscription?.cancel_at_period_end ? "You can resume it under “Manage plan”." : "",
	};
	return (
		<Offer
			billing={billing}
			what={`plan:${plan.id}`}
			wish={() => ({ plan })}
			name={plan.name}
			description={plan.description}
			badge={badges[step]}
			price={plan.price.amount === 0 ? "Free" : offerWords(plan.price)}
			per={plan.price.amount === 0 ? "" : `a ${plan.interval}`}
			facts={[
				`${credits(included)} ${plural(included, "credit")} a ${plan.interval}`,
				overageWords(plan),
				rollover > 0n ? `Up to ${credits(rollover)} unused credits carry over` : "",
			]}
			terms={terms[step] ?? ""}
			button={buttonWords[step]}
			primary={step !== "downgrade"}
		/>
	);
}

function Packs({ billing }: { billing: BillingState }) {
	const saveCard = useSignal(false);
	return (
		<section aria-labelledby="offers-packs">
			<h3 id="offers-packs">One-time credits</h3>
			<label class="check">
				<input
					type="checkbox"
					data-test="save-card"
					checked={saveCard.value}
					onChange={(event) => {
						saveCard.value = event.currentTarget.checked;
					}}
				/>
				<span>Save the card for automatic refills</span>
			</label>
			<ul class="offers">
				{billing.catalog.packs.value.map((pack) => (
					<PackOffer key={pack.id} billing={billing} pack={pack} wish={() => ({ pack, saveCard: saveCard.value })} />
				))}
			</ul>
		</section>
	);
}

function PackOffer({ billing, pack, wish }: { billing: BillingState; pack: Pack; wish: () => Wish }) {
	const amount = parseCredits(pack.credits);
	const size = `${credits(amount)} ${plural(amount, "credit")}`;
	return (
		<Offer
			billing={billing}
			what={`pack:${pack.id}`}
			wish={wish}
			name={pack.name}
			description={pack.description}
			price={offerWords(pack.price)}
			per=""
			facts={[
				size === pack.name ? "" : size,
				`${perCreditWords(pack.price, amount)} a credit`,
				validityWords(pack.validity_days),
			]}
			terms=""
			button="Buy"
			primary
		/>
	);
}

interface OfferProps {
	billing: BillingState;
	what: string;
	wish: () => Wish;
	name: string;
	description: string;
	badge?: string | undefined;
	price: string;
	per: string;
	facts: string[];
	terms: string;
	primary: boolean;
	button: string; // empty: there is nothing to choose
}

function Offer({ billing, what, wish, ...offer }: OfferProps) {
	return (
		<li class={offer.badge ? "offer marked" : "offer"} data-test="offer" data-key={what}>
			<p class="offer-name">
				{offer.name} {offer.badge && <span class="badge">{offer.badge}</span>}
			</p>
			<p class="offer-price">
				{offer.price} {offer.per && <span class="unit">{offer.per}</span>}
			</p>
			{offer.description && <p class="quiet">{offer.description}</p>}
			<ul class="offer-facts">
				{offer.facts.filter(Boolean).map((fact) => (
					<li key={fact}>{fact}</li>
				))}
			</ul>
			<div class="offer-end">
				{offer.terms && <p class="quiet">{offer.terms}</p>}
				{offer.button && (
					<Doing
						billing={billing}
						what={what}
						test="choose"
						primary={offer.primary}
						onClick={() => void billing.choose(wish())}
					>
						{offer.button} <span class={offer.button === "Buy" ? "unseen" : ""}>{offer.name}</span>
					</Doing>
				)}
			</div>
		</li>
	);
}
