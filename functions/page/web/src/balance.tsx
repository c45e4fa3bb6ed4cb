// The balance: what is available, how long it will last, and what expires soon.

import type { ComponentChildren } from "preact";
import { decimal, type Micro, parseCredits, thousandths } from "./credits.ts";
import { type Day, dayAt } from "./days.ts";
import { Bar, Credits } from "./figures.tsx";
import { creditsInTwo, dateOf, dayPlain, plural } from "./format.ts";
import type { Live } from "./live.ts";
import { lasting } from "./pace.ts";
import type { Balance, Grant } from "./wire.ts";
import { sourceWords } from "./words.ts";
import "./balance.css";

const soon = 30 * 86_400_000;

interface Expiring {
	day: Day;
	amount: Micro;
}

/** What expires within 30 days, by day in the zone, soonest first. */
export function expiringSoon(balance: Balance, zone: string): Expiring[] {
	const now = Date.parse(balance.as_of);
	const days = new Map<Day, Micro>();
	for (const grant of balance.grants) {
		const end = grant.expires_at;
		const counts = end !== null && Date.parse(end) <= now + soon && Date.parse(grant.effective_at) <= now;
		if (counts && parseCredits(grant.remaining) > 0n) {
			const day = dayAt(Date.parse(end), zone);
			days.set(day, (days.get(day) ?? 0n) + parseCredits(grant.remaining));
		}
	}
	return [...days].map(([day, amount]) => ({ day, amount })).sort((a, b) => (a.day < b.day ? -1 : 1));
}

/** `plan` is the slot for the subscription and what can be bought. */
export function BalanceCard({ live, balance, plan }: { live: Live; balance: Balance; plan?: ComponentChildren }) {
	const zone = live.clock.zone.value;
	const available = parseCredits(balance.available);
	const [whole, fraction] = creditsInTwo(available);
	const pace = live.usage.data.value?.pace;
	const used = parseCredits(balance.overage.used);
	const limit = parseCredits(balance.overage.limit);
	const expiring = expiringSoon(balance, zone);
	const later = expiring.length - 3;
	const owed = parseCredits(balance.owed ?? "0");
	return (
		<section class="card balance" data-test="balance" aria-labelledby="balance-title">
			<div class="balance-main">
				<h2 id="balance-title">Available credits</h2>
				<p class="available" data-test="available" data-credits={decimal(available)}>
					{whole}
					<span class="fraction">{fraction}</span>
				</p>
				<p class="lasting" data-test="lasting">
					{pace ? lasting(available, pace) : <span class="bone line" />}
				</p>
			</div>
			{(expiring.length > 0 || used > 0n || owed > 0n) && (
				<ul class="facts">
					{expiring.slice(0, 3).map((one) => (
						<li key={one.day} data-test="expiring">
							<b>
								<Credits of={one.amount} /> {plural(one.amount, "credit")}
							</b>{" "}
							{one.amount === 1_000_000n ? "expires" : "expire"} on {dayPlain(one.day)}
						</li>
					))}
					{later > 0 && (
						<li class="quiet">{`More credits expire on ${later} later ${plural(later, "date")} within 30 days`}</li>
					)}
					{owed > 0n && (
						<li data-test="owed">
							<b>
								<Credits of={owed} /> {plural(owed, "credit")}
							</b>{" "}
							{plural(owed, "is", "are")} owed: spent before the payment was refunded. They are deducted from the next
							credits you get.
						</li>
					)}
					{used > 0n && (
						<li data-test="overage">
							<b>
								<Credits of={used} test="overage-used" /> {plural(used, "credit")}
							</b>{" "}
							of overage used
							{limit > 0n && (
								<>
									, of <Credits of={limit} test="overage-limit" />
									<Bar thousandths={thousandths(used, limit) ?? 0} />
								</>
							)}
						</li>
					)}
				</ul>
			)}
			{plan && <div class="plan">{plan}</div>}
			{balance.grants.length > 0 && <Grants grants={balance.grants} zone={zone} now={Date.parse(balance.as_of)} />}
		</section>
	);
}

function Grants({ grants, zone, now }: { grants: Grant[]; zone: string; now: number }) {
	return (
		<details class="grants" data-test="grants">
			<summary>{grants.length === 1 ? "Credit grants" : `Credit grants (${grants.length})`}</summary>
			<ul>
				{grants.map((grant) => {
					const remaining = parseCredits(grant.remaining);
					const amount = parseCredits(grant.amount);
					const later = Date.parse(grant.effective_at) > now;
					return (
						<li key={grant.id} data-test="grant" data-key={grant.id}>
							<span class="grant-source">{sourceWords(grant.source)}</span>
							<span class="grant-left">
								<Credits of={remaining} /> <span class="quiet">of</span> <Credits of={amount} />
							</span>
							<Bar thousandths={thousandths(remaining, amount) ?? 0} />
							<span class="grant-end quiet">
								{later && `From ${dateOf(grant.effective_at, zone)}. `}
								{grant.expires_at ? `Expires ${dateOf(grant.expires_at, zone)}` : "Does not expire"}
							</span>
						</li>
					);
				})}
			</ul>
		</details>
	);
}
