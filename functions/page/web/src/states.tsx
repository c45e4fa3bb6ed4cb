// What the page shows while loading, after a failure, and when the session has ended.

import type { Failure } from "./api.ts";
import "./states.css";

export function Bones({ kind }: { kind: "balance" | "chart" | "rows" }) {
	return (
		<div class={`card skeleton of-${kind}`} aria-hidden="true">
			<div class="bone title" />
			{kind === "balance" && <div class="bone large" />}
			{kind === "chart" && <div class="bone plot-bone" />}
			{kind === "rows" && [0, 1, 2, 3].map((i) => <div key={i} class="bone row-bone" />)}
			{kind === "balance" && (
				<>
					<div class="bone line" />
					<div class="bone grants-bone" />
				</>
			)}
		</div>
	);
}

export function Failed({ title, failure, again }: { title: string; failure: Failure; again: () => void }) {
	return (
		<section class="card failed" role="alert" data-test="failed">
			<h2>{title}</h2>
			<p>{failure.message}</p>
			<button type="button" data-test="again" onClick={again}>
				Try again
			</button>
		</section>
	);
}

/** The end of a session. The advice is the same whatever ended it. */
export function Ended({ returnURL }: { returnURL: string | null }) {
	return (
		<main class="ended" data-test="ended">
			<svg viewBox="0 0 48 48" aria-hidden="true">
				<rect x="10" y="21" width="28" height="19" rx="4" />
				<path d="M16 21v-6a8 8 0 0 1 16 0v6M24 29v4" />
			</svg>
			<h1>Your session has ended</h1>
			<p>Open Usage again from your account menu.</p>
			{returnURL && (
				<a class="button" href={returnURL} rel="noreferrer" data-test="return">
					Back to your account
				</a>
			)}
		</main>
	);
}
