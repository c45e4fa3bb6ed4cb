// The range picker: named ranges, and a custom one by its first and last day.

import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { complaint, customName, periodOf } from "./choice.ts";
import { addMonths, maxMonths } from "./days.ts";
import { rangeWords } from "./format.ts";
import type { Live } from "./live.ts";
import "./picker.css";

export function Picker({ live }: { live: Live }) {
	const chosen = live.range.choice.value;
	const custom = useSignal(chosen.name === customName);
	const today = live.clock.today();
	const { range } = periodOf(chosen, today, live.range.offered.value);
	const options = [
		...live.range.offered.value.map(({ name, label }) => ({ name, label })),
		{ name: customName, label: "Custom" },
	];
	const current = custom.value ? customName : chosen.name;
	return (
		<section class="picker" aria-label="Range">
			<div class="picker-row">
				<fieldset class="options">
					<legend class="unseen">Show the usage of</legend>
					{options.map(({ name, label }) => (
						<label key={name} class="option">
							<input
								type="radio"
								name="range"
								value={name}
								checked={current === name}
								onChange={() => {
									custom.value = name === customName;
									if (name !== customName) {
										live.range.choose({ name });
									}
								}}
							/>
							<span>{label}</span>
						</label>
					))}
				</fieldset>
				<p class="range-words" data-test="range" data-from={range.from} data-to={range.to}>
					{rangeWords(range.from, range.to)}
				</p>
			</div>
			{custom.value && <CustomRange live={live} />}
		</section>
	);
}

function CustomRange({ live }: { live: Live }) {
	const today = live.clock.today();
	const { range } = periodOf(live.range.choice.value, today, live.range.offered.value);
	const from = useSignal(range.from);
	const to = useSignal(range.to);
	const wrong = useSignal<string | null>(null);
	const id = useId();
	const apply = (event: Event) => {
		event.preventDefault();
		wrong.value = complaint(from.value, to.value, today);
		if (wrong.value === null) {
			live.range.choose({ name: customName, range: { from: from.value, to: to.value } });
		}
	};
	const field = (label: string, value: typeof from, name: string) => (
		<label>
			<span>{label}</span>
			<input
				type="date"
				data-test={`range-${name}`}
				value={value.value}
				min={addMonths(today, -10 * maxMonths)}
				max={today}
				aria-invalid={wrong.value !== null}
				aria-describedby={wrong.value === null ? undefined : id}
				onInput={(event) => {
					value.value = event.currentTarget.value;
					wrong.value = null;
				}}
			/>
		</label>
	);
	return (
		<form class="custom" onSubmit={apply} noValidate>
			{field("First day", from, "from")}
			{field("Last day", to, "to")}
			<button type="submit" data-test="range-apply">
				Show
			</button>
			<p class="wrong" id={id} role="alert">
				{wrong.value}
			</p>
		</form>
	);
}
