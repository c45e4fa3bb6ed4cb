// The chart of days: a bar for each, and the previous period as a line. The arrow
// keys move through it; screen readers announce each day as a slider's value.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { approximate, type Micro } from "./credits.ts";
import * as format from "./format.ts";
import "./chart.css";

export interface Point {
	day: string;
	credits: Micro;
	before: { day: string; credits: Micro } | null;
	note?: string; // such as "so far"
}

interface Props {
	label: string;
	points: Point[];
	height: number;
}

const widthOfLabel = 84;

function colors(element: Element) {
	const style = getComputedStyle(element);
	const color = (name: string) => style.getPropertyValue(name).trim();
	return {
		bar: color("--bar"),
		before: color("--before"),
		grid: color("--line"),
		text: color("--soft"),
		font: `12px ${style.fontFamily}`,
	};
}

function makePlot(frame: HTMLElement, props: Props, onPoint: (index: number) => void): uPlot {
	const paint = colors(frame);
	const { points, height } = props;
	const axis = { stroke: paint.text, font: paint.font };
	const bars = uPlot.paths.bars?.({ size: [0.68, 44], radius: 0.18 });
	const line = uPlot.paths.linear?.();
	return new uPlot(
		{
			width: frame.clientWidth,
			height,
			padding: [10, 4, 0, 0],
			legend: { show: false },
			cursor: { x: false, y: false, points: { show: false }, drag: { x: false, y: false } },
			scales: {
				x: { time: false, range: () => [-0.6, points.length - 0.4] },
				y: { range: (_, __, most) => [0, most > 0 ? most * 1.06 : 1] },
			},
			axes: [
				{
					...axis,
					size: 30,
					gap: 8,
					grid: { show: false },
					ticks: { show: false },
					splits: (plot) => {
						const every = Math.max(1, Math.ceil(points.length / Math.max(1, Math.floor(plot.width / widthOfLabel))));
						return points.map((_, i) => i).filter((i) => i % every === 0);
					},
					values: (_, splits) => splits.map((i) => format.dayShort(points[i]?.day ?? "2000-01-01")),
				},
				{
					...axis,
					size: 52,
					gap: 8,
					grid: { stroke: paint.grid, width: 1 },
					ticks: { show: false },
					values: (_, splits) => splits.map((value) => format.short(value)),
				},
			],
			series: [
				{},
				{ fill: paint.bar, width: 0, points: { show: false }, ...(bars && { paths: bars }) },
				{ stroke: paint.before, width: 1.75, dash: [4, 4], points: { show: false }, ...(line && { paths: line }) },
			],
			hooks: {
				// Every resize loses the cursor; that must not clear a day that was reached by key.
				setCursor: [(plot) => typeof plot.cursor.idx === "number" && onPoint(plot.cursor.idx)],
			},
		},
		dataOf(points),
		frame,
	);
}

function dataOf(points: Point[]): uPlot.AlignedData {
	return [
		points.map((_, i) => i),
		points.map((point) => Math.max(0, approximate(point.credits))),
		points.map((point) => (point.before ? Math.max(0, approximate(point.before.credits)) : null)),
	];
}

function inWords(point: Point): string {
	const now = `${format.dayLong(point.day)}${point.note ? `, ${point.note}` : ""}: ${format.credits(point.credits)} credits`;
	return point.before
		? `${now}; ${format.dayShort(point.before.day)} before: ${format.credits(point.before.credits)}`
		: now;
}

export function Chart(props: Props) {
	const { points } = props;
	const frame = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot | null>(null);
	const [at, setAt] = useState<number | null>(null);
	const [focused, setFocused] = useState(false);
	const [lastAt, setLastAt] = useState(points.length - 1);
	const latest = useRef(props);
	latest.current = props;
	const days = `${points[0]?.day} ${points.length}`;

	useLayoutEffect(() => {
		const element = frame.current;
		if (!element) {
			return;
		}
		const draw = () => {
			plot.current?.destroy();
			plot.current = makePlot(element, latest.current, setAt);
		};
		draw();
		const scheme = matchMedia("(prefers-color-scheme: dark)");
		scheme.addEventListener("change", draw);
		const sizes = new ResizeObserver(() => {
			const made = plot.current;
			if (made && made.width !== element.clientWidth && element.clientWidth > 0) {
				made.setSize({ width: element.clientWidth, height: props.height });
			}
		});
		sizes.observe(element);
		return () => {
			scheme.removeEventListener("change", draw);
			sizes.disconnect();
			plot.current?.destroy();
			plot.current = null;
		};
		// Other days need a new plot; new figures for the same days are set below.
	}, [days]);

	useEffect(() => plot.current?.setData(dataOf(points)), [points]);

	const index = Math.min(at ?? lastAt, points.length - 1);
	const point = points[index];
	const show = (next: number) => {
		const to = Math.max(0, Math.min(points.length - 1, next));
		setFocused(true);
		setLastAt(to);
		setAt(to);
	};
	const onKeyDown = (event: KeyboardEvent) => {
		const steps: Record<string, number> = {
			ArrowLeft: -1,
			ArrowDown: -1,
			ArrowRight: 1,
			ArrowUp: 1,
			PageDown: -7,
			PageUp: 7,
		};
		const by = steps[event.key];
		if (by !== undefined) {
			show(index + by);
		} else if (event.key === "Home" || event.key === "End") {
			show(event.key === "Home" ? 0 : points.length - 1);
		} else if (event.key === "Escape") {
			setAt(null);
			return;
		} else {
			return;
		}
		event.preventDefault();
	};

	return (
		<div
			class="chart"
			role="slider"
			tabIndex={0}
			aria-label={props.label}
			aria-valuemin={0}
			aria-valuemax={Math.max(0, points.length - 1)}
			aria-valuenow={Math.max(0, index)}
			aria-valuetext={point ? inWords(point) : ""}
			onKeyDown={onKeyDown}
			onFocus={(event) => {
				const byKey = event.currentTarget.matches(":focus-visible");
				if (byKey && at === null) {
					show(lastAt);
				}
			}}
			onBlur={() => {
				setFocused(false);
				setAt(null);
			}}
			onMouseLeave={() => !focused && setAt(null)}
		>
			<div class="plot" ref={frame} style={{ height: `${props.height}px` }} />
			{at !== null && point && plot.current && (
				<Tip plot={plot.current} index={index} points={points.length} point={point} />
			)}
		</div>
	);
}

function Tip(props: { plot: uPlot; index: number; points: number; point: Point }) {
	const { plot, index, point } = props;
	const scale = uPlot.pxRatio;
	const left = plot.bbox.left / scale + plot.valToPos(index, "x");
	const column = plot.bbox.width / scale / (props.points + 0.2);
	const toTheRight = left < plot.width / 2;
	return (
		<>
			<div
				class="column"
				style={{
					left: `${left - column / 2}px`,
					width: `${column}px`,
					height: `${plot.bbox.height / scale + plot.bbox.top / scale}px`,
				}}
			/>
			<div
				class="tip"
				data-test="tip"
				aria-hidden="true"
				style={
					toTheRight ? { left: `${left + column / 2 + 8}px` } : { right: `${plot.width - left + column / 2 + 8}px` }
				}
			>
				<div class="tip-day">
					{format.dayLong(point.day)}
					{point.note && `, ${point.note}`}
				</div>
				<div class="tip-row">
					<span class="key now" />
					<b>{format.credits(point.credits)}</b> credits
				</div>
				{point.before && (
					<div class="tip-row">
						<span class="key before" />
						<span>{format.credits(point.before.credits)}</span> on {format.dayShort(point.before.day)}
					</div>
				)}
			</div>
		</>
	);
}
