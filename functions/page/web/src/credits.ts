// Credits are whole micro-credits in a bigint, as on the platform, so sums and
// shares of any size are exact. As text they are the API's decimals.

export type Micro = bigint;

const places = 6;
const scale = 1_000_000n;

/** Reads a decimal of the API, such as "-12.5". */
export function parseCredits(text: string): Micro {
	const match = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(text);
	if (!match) {
		throw new Error(`not a decimal: ${text}`);
	}
	const [, sign, whole = "", fraction = ""] = match;
	const micro = BigInt(whole) * scale + BigInt(fraction.padEnd(places, "0"));
	return sign ? -micro : micro;
}

/** A decimal of the API: a dot, no grouping, no trailing zeros. */
export function decimal(micro: Micro): string {
	const size = micro < 0n ? -micro : micro;
	const fraction = (size % scale).toString().padStart(places, "0").replace(/0+$/, "");
	return `${micro < 0n ? "-" : ""}${size / scale}${fraction && `.${fraction}`}`;
}

export function sum(parts: Iterable<Micro>): Micro {
	let total = 0n;
	for (const part of parts) {
		total += part;
	}
	return total;
}

/** For drawing only: floats are never shown as numbers. */
export function approximate(micro: Micro): number {
	return Number(micro) / 1e6;
}

/** How many thousandths of the whole a part is, rounded half up; null if the whole is not positive. */
export function thousandths(part: Micro, whole: Micro): number | null {
	if (whole <= 0n) {
		return null;
	}
	const twice = part * 2000n + whole;
	const quotient = twice / (2n * whole);
	return Number(twice < 0n && twice % (2n * whole) !== 0n ? quotient - 1n : quotient);
}

export function byMicro(a: Micro, b: Micro): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
