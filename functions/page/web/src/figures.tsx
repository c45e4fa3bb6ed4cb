// Small parts that show one figure. Each carries its exact value, for tests and
// for programs that read the page.

import type { ComponentChildren } from "preact";
import { decimal, type Micro, thousandths } from "./credits.ts";
import * as format from "./format.ts";
import "./figures.css";

export function Credits({ of, test, sign }: { of: Micro; test?: string; sign?: boolean }) {
	return (
		<span class="figure" data-test={test} data-credits={decimal(of)}>
			{sign ? format.change(of) : format.credits(of)}
		</span>
	);
}

export function Count({ of }: { of: number | undefined }) {
	return of === undefined ? (
		<span class="quiet">–</span>
	) : (
		<span class="figure" data-count={of}>
			{format.count(of)}
		</span>
	);
}

/** A share of a whole, as a number and a thin bar. */
export function Share({ of, in: whole }: { of: Micro; in: Micro }) {
	const part = thousandths(of, whole);
	return (
		<span class="share">
			<span class="figure">{format.share(part)}</span>
			<Bar thousandths={part ?? 0} />
		</span>
	);
}

export function Bar({ thousandths }: { thousandths: number }) {
	const width = Math.min(100, Math.max(0, thousandths / 10));
	return (
		<span class="bar" aria-hidden="true">
			<span style={{ width: `${width}%` }} />
		</span>
	);
}

export function Card(props: {
	id: string;
	title: string;
	intro?: ComponentChildren;
	action?: ComponentChildren;
	busy?: boolean;
	/** Whether it is a part of another card. */
	within?: boolean;
	children: ComponentChildren;
}) {
	const Title = props.within ? "h3" : "h2";
	return (
		<section
			class={props.within ? "within" : "card"}
			id={props.id}
			data-test={props.id}
			aria-labelledby={`${props.id}-title`}
			aria-busy={props.busy}
		>
			<div class="card-head">
				<Title id={`${props.id}-title`}>{props.title}</Title>
				{props.action}
			</div>
			{props.intro && <p class="intro">{props.intro}</p>}
			{props.children}
		</section>
	);
}

export function Download({ what, busy, onClick }: { what: string; busy?: boolean; onClick: () => void }) {
	return (
		<button type="button" class="plain" data-test="csv" disabled={busy} onClick={onClick}>
			<svg viewBox="0 0 16 16" aria-hidden="true">
				<path d="M8 2v8m0 0 3-3m-3 3L5 7M3 13h10" />
			</svg>
			CSV<span class="unseen">: download {what}</span>
		</button>
	);
}
