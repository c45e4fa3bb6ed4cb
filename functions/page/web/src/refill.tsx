// Automatic refill: its status and its settings.

import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { failureWords } from "./actions.ts";
import type { BillingState, RefillTerms } from "./billing.ts";
import { decimal, parseCredits } from "./credits.ts";
import { Credits } from "./figures.tsx";
import { minuteOf, readNumber, written } from "./format.ts";
import { fieldText, moneyWords, readMoney } from "./money.ts";
import { Doing, Refusal } from "./plan.tsx";
import { Bones, Failed } from "./states.tsx";
import type { AutoRefill, Money, Pack } from "./wire.ts";
import "./refill.css";

export function RefillCard({ billing }: { billing: BillingState }) {
	const refill = billing.refill.data.value;
	const failure = billing.refill.failure.value;
	if (!refill) {
		return failure ? (
			<Failed
				title="Automatic refill cannot be shown"
				failure={failure}
				again={() => {
					void billing.loadRefill();
				}}
			/>
		) : (
			<Bones kind="rows" />
		);
	}
	if (billing.catalog.packs.value.length === 0 && !refill.enabled) {
		return null;
	}
	return (
		<section class="card" data-test="auto-refill" data-state={refill.state} aria-labelledby="auto-refill-title">
			<div class="card-head">
				<h2 id="auto-refill-title">Automatic refill</h2>
				<span class={`badge state-${refill.state}`}>{stateBadge[refill.state] ?? refill.state}</span>
			</div>
			<Standing billing={billing} refill={refill} />
			<RefillForm billing={billing} refill={refill} />
		</section>
	);
}

const stateBadge: Record<string, string> = {
	armed: "On",
	in_flight: "Buying",
	backoff: "Waiting",
	action_required: "Stopped",
	off: "Off",
};

function Standing({ billing, refill }: { billing: BillingState; refill: AutoRefill }) {
	const pack = billing.catalog.packs.value.find(({ id }) => id === refill.pack_id);
	const { threshold, monthly_cap: cap, spent_this_month: spent } = refill;
	const zone = billing.live.clock.zone.value;
	return (
		<div class="standing" role="status">
			{refill.enabled && threshold !== null ? (
				<p data-test="refill-terms">
					When fewer than <Credits of={parseCredits(threshold)} /> credits are left, buy {pack?.name ?? refill.pack_id}
					{pack && ` for ${moneyWords(pack.price)}`}
					{cap && `, at most ${moneyWords(cap)} a month`}
					{spent ? `; ${moneyWords(spent)} spent this month.` : "."}
				</p>
			) : (
				<p>Automatic refill is off. Turn it on to buy a pack automatically when your credits run low.</p>
			)}
			{refill.state === "in_flight" && (
				<p data-test="refill-message">
					{refill.enabled
						? "A pack is being purchased."
						: "A purchase is still in progress. No more packs will be bought after it."}
				</p>
			)}
			{refill.state === "backoff" && (
				<div class="note trouble">
					<p data-test="refill-message">
						{refill.message} {refill.retry_at !== null && `Next try: ${minuteOf(refill.retry_at, zone)}.`}
					</p>
					{refill.reason === "declined" && <Portal billing={billing} />}
				</div>
			)}
			{refill.state === "action_required" && <ActionRequired billing={billing} refill={refill} />}
			<Refusal billing={billing} of={(what) => what === "refill-portal"} />
		</div>
	);
}

function Portal({ billing }: { billing: BillingState }) {
	return (
		<Doing
			billing={billing}
			what="refill-portal"
			test="refill-portal"
			onClick={() => void billing.openPortal("refill-portal")}
		>
			Save another card
		</Doing>
	);
}

function ActionRequired({ billing, refill }: { billing: BillingState; refill: AutoRefill }) {
	const { threshold, pack_id: pack, monthly_cap: cap } = refill;
	const byBuying = refill.reason === "no_card" || refill.reason === "authentication_required";
	const sold = billing.catalog.packs.value.some(({ id }) => id === pack);
	return (
		<div class="note trouble stopped">
			<div>
				<p data-test="refill-message">{refill.message}</p>
				{sold && <p class="small">By turning it on again, you agree that your saved card is charged automatically.</p>}
			</div>
			<div class="actions">
				{byBuying && (
					<button
						type="button"
						class="button"
						data-test="refill-buy"
						aria-haspopup="dialog"
						onClick={() => billing.show("packs")}
					>
						Buy a pack
					</button>
				)}
				{refill.reason === "declined" && <Portal billing={billing} />}
				{sold && threshold !== null && pack !== null && cap !== null && (
					<Doing
						billing={billing}
						what="refill"
						test="refill-again"
						onClick={() =>
							void billing.saveRefill({ enabled: true, threshold, pack_id: pack, monthly_cap: cap, consent: true })
						}
					>
						Turn on again
					</Doing>
				)}
			</div>
		</div>
	);
}

/** The contents of the form. */
export interface Written {
	enabled: boolean;
	threshold: string;
	pack: string;
	cap: string;
	consent: boolean;
}

export type Wrong = Partial<Record<"threshold" | "pack_id" | "monthly_cap" | "consent", string>>;

/** The terms that the form describes, or its errors. */
export function termsOf(form: Written, packs: Pack[]): { terms: RefillTerms } | { wrong: Wrong } {
	if (!form.enabled) {
		return { terms: { enabled: false } };
	}
	const wrong: Wrong = {};
	const number = readNumber(form.threshold);
	let threshold: string | null = null;
	if (number === null || !/^\d{1,12}(\.\d{1,6})?$/.test(number) || parseCredits(number) <= 0n) {
		wrong.threshold = `Enter a number of credits above 0, such as ${written("50.5")}.`;
	} else {
		threshold = decimal(parseCredits(number));
	}
	const pack = packs.find(({ id }) => id === form.pack);
	let cap: Money | null = null;
	if (!pack) {
		wrong.pack_id = "Choose a pack.";
	} else {
		cap = readMoney(form.cap, pack.price.currency);
		if (cap === null) {
			wrong.monthly_cap = `Enter an amount such as ${fieldText({ ...pack.price, amount: 4 * pack.price.amount })}.`;
		} else if (cap.amount < pack.price.amount) {
			wrong.monthly_cap = `It must be at least ${moneyWords(pack.price)}, the price of the pack.`;
		}
	}
	if (!form.consent) {
		wrong.consent = "Your agreement is required for automatic refill.";
	}
	if (threshold === null || !pack || cap === null || Object.keys(wrong).length > 0) {
		return { wrong };
	}
	return { terms: { enabled: true, threshold, pack_id: pack.id, monthly_cap: cap, consent: true } };
}

function writtenOf(refill: AutoRefill, packs: Pack[]): Written {
	return {
		enabled: refill.enabled,
		threshold: refill.threshold === null ? "" : written(refill.threshold),
		pack: packs.find(({ id }) => id === refill.pack_id)?.id ?? (refill.pack_id === null ? (packs[0]?.id ?? "") : ""),
		cap: refill.monthly_cap === null ? "" : fieldText(refill.monthly_cap),
		consent: false,
	};
}

function RefillForm({ billing, refill }: { billing: BillingState; refill: AutoRefill }) {
	const packs = billing.catalog.packs.value;
	const form = useSignal<Written>(writtenOf(refill, packs));
	const wrong = useSignal<Wrong>({});
	const said = useSignal("");
	const touched = useRef(false);
	const element = useRef<HTMLFormElement>(null);
	const { enabled, threshold, pack_id, monthly_cap } = refill;
	useEffect(() => {
		if (!touched.current) {
			form.value = writtenOf(refill, packs);
		}
	}, [enabled, threshold, pack_id, monthly_cap?.amount, monthly_cap?.currency]);

	const write = (part: Partial<Written>) => {
		touched.current = true;
		said.value = "";
		form.value = { ...form.value, ...part };
	};
	const complain = (found: Wrong) => {
		wrong.value = found;
		queueMicrotask(() => element.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
	};
	const save = async (event: Event) => {
		event.preventDefault();
		const wish = termsOf(form.value, packs);
		said.value = "";
		if ("wrong" in wish) {
			complain(wish.wrong);
			return;
		}
		wrong.value = {};
		if (await billing.saveRefill(wish.terms)) {
			touched.current = false;
			form.value = writtenOf(billing.refill.data.value ?? refill, packs);
			said.value = wish.terms.enabled ? "Saved." : "Automatic refill is off.";
			return;
		}
		const failure = billing.actions.refused.value?.failure;
		const found: Wrong = {};
		for (const [name, reason] of failure?.fields ?? []) {
			const field = name.split(".")[0] ?? "";
			if (field === "threshold" || field === "pack_id" || field === "monthly_cap" || field === "consent") {
				found[field] = `This ${reason}.`;
			}
		}
		complain(found);
	};

	const { pack } = form.value;
	const currency = packs.find(({ id }) => id === pack)?.price.currency ?? monthly_cap?.currency ?? "";
	const refusal = billing.actions.refused.value;
	const other = refusal?.what === "refill" && Object.keys(wrong.value).length === 0 ? refusal.failure : null;
	return (
		<form class="refill" ref={element} onSubmit={(event) => void save(event)} noValidate>
			<label class="check">
				<input
					type="checkbox"
					data-test="refill-enabled"
					checked={form.value.enabled}
					onChange={(event) => write({ enabled: event.currentTarget.checked })}
				/>
				<span>Refill automatically</span>
			</label>
			{form.value.enabled && (
				<>
					<div class="fields">
						<Field wrong={wrong} name="threshold" label="When credits fall below">
							{(described) => (
								<input
									{...described}
									inputMode="decimal"
									autocomplete="off"
									data-test="refill-threshold"
									value={form.value.threshold}
									onInput={(event) => write({ threshold: event.currentTarget.value })}
								/>
							)}
						</Field>
						<Field wrong={wrong} name="pack_id" label="Buy">
							{(described) => (
								<select
									{...described}
									data-test="refill-pack"
									value={pack}
									onChange={(event) => write({ pack: event.currentTarget.value })}
								>
									{pack === "" && <option value="">Choose a pack</option>}
									{packs.map((one) => (
										<option key={one.id} value={one.id}>
											{`${one.name}, ${moneyWords(one.price)}`}
										</option>
									))}
								</select>
							)}
						</Field>
						<Field wrong={wrong} name="monthly_cap" label={`Monthly limit, in ${currency.toUpperCase()}`}>
							{(described) => (
								<input
									{...described}
									inputMode="decimal"
									autocomplete="off"
									data-test="refill-cap"
									value={form.value.cap}
									onInput={(event) => write({ cap: event.currentTarget.value })}
								/>
							)}
						</Field>
					</div>
					<Consent wrong={wrong} checked={form.value.consent} write={(consent) => write({ consent })} />
				</>
			)}
			{(form.value.enabled || refill.enabled) && (
				<div class="save">
					<button
						type="submit"
						class="button primary"
						data-test="refill-save"
						aria-disabled={billing.actions.doing.value !== null}
					>
						{billing.actions.doing.value === "refill" ? "Saving…" : "Save"}
					</button>
					<p role="alert" class="wrong" data-test="refill-error">
						{other && failureWords(other)}
					</p>
				</div>
			)}
			<p role="status" class="quiet" data-test="refill-saved">
				{said.value}
			</p>
		</form>
	);
}

interface Described {
	id: string;
	"aria-invalid": boolean;
	"aria-describedby"?: string;
}

function Field(props: {
	wrong: Signal<Wrong>;
	name: keyof Wrong;
	label: string;
	children: (described: Described) => ComponentChildren;
}) {
	const id = useId();
	const words = props.wrong.value[props.name];
	const described = words === undefined ? {} : { "aria-describedby": `${id}-wrong` };
	return (
		<div class="field">
			<label for={id}>{props.label}</label>
			{props.children({ id, "aria-invalid": words !== undefined, ...described })}
			{words !== undefined && (
				<p class="wrong" id={`${id}-wrong`} data-test={`wrong-${props.name}`}>
					{words}
				</p>
			)}
		</div>
	);
}

function Consent(props: { wrong: Signal<Wrong>; checked: boolean; write: (consent: boolean) => void }) {
	const id = useId();
	const words = props.wrong.value.consent;
	return (
		<div>
			<label class="check">
				<input
					type="checkbox"
					data-test="refill-consent"
					checked={props.checked}
					aria-invalid={words !== undefined}
					aria-describedby={words === undefined ? undefined : id}
					onChange={(event) => props.write(event.currentTarget.checked)}
				/>
				<span>I agree that my saved card is charged automatically</span>
			</label>
			{words !== undefined && (
				<p class="wrong" id={id} data-test="wrong-consent">
					{words}
				</p>
			)}
		</div>
	);
}
