// Bundles the page into ../dist: the document, and beside it what it loads, under
// names that hold a hash of the content. Each file also lies there gzipped. Fails
// where a first load would be heavier than the budget.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const budget = 150_000; // bytes of a first load, gzipped
const source = join(dirname(fileURLToPath(import.meta.url)), "src");
const dist = join(source, "../../dist");

const bundle = await build({
	entryPoints: { main: join(source, "main.tsx") },
	outdir: dist,
	bundle: true,
	minify: true,
	format: "esm",
	target: ["es2022"],
	jsx: "transform",
	jsxFactory: "h",
	jsxFragment: "Fragment",
	inject: [join(source, "jsx.ts")],
	tsconfigRaw: {}, // which tells the compiler of another JSX
	legalComments: "none",
	write: false,
	metafile: true,
});

mkdirSync(dist, { recursive: true });
for (const name of readdirSync(dist)) {
	if (name !== ".gitignore") {
		rmSync(join(dist, name));
	}
}

let firstLoad = 0;

/** Writes a file, and says how large it is on its way. */
function put(name, bytes) {
	const packed = gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION });
	writeFileSync(join(dist, name), bytes);
	writeFileSync(join(dist, `${name}.gz`), packed);
	return packed.length;
}

/** The licences of the packages that are in the bundle, which ask to be kept with it. */
function licences() {
	const folders = new Set();
	for (const input of Object.keys(bundle.metafile.inputs)) {
		const inside = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
		if (inside) {
			folders.add(inside);
		}
	}
	return [...folders].sort().map((name) => {
		const folder = join(source, "../node_modules", name);
		const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
		if (!file) {
			throw new Error(`${name} has no licence to keep`);
		}
		return `${name}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
	});
}

const addresses = new Map();

function putAsset(name, bytes) {
	const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
	const kind = extname(name);
	const hashed = `${name.slice(0, -kind.length)}-${hash}${kind}`;
	addresses.set(name, `/usage/${hashed}`);
	return put(hashed, bytes);
}

for (const { path, contents } of bundle.outputFiles) {
	firstLoad += putAsset(path.slice(dist.length + 1), contents);
}
firstLoad += putAsset("icon.svg", readFileSync(join(source, "icon.svg")));
const html = readFileSync(join(source, "usage.html"), "utf8").replace(/\{\{(.+?)\}\}/g, (_, name) => {
	const address = addresses.get(name);
	if (!address) {
		throw new Error(`usage.html names ${name}, which is not built`);
	}
	return address;
});
firstLoad += put("usage.html", Buffer.from(html));
putAsset("licences.txt", Buffer.from(licences().join(`\n${"-".repeat(80)}\n\n`)));

const size = `${(firstLoad / 1000).toFixed(1)} kB gzipped`;
if (firstLoad > budget) {
	throw new Error(`a first load of the page takes ${size}; its budget is ${budget / 1000} kB`);
}
console.log(`page: ${size}`);
