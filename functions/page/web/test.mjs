// Bundles the tests and runs them with Node's own runner. That finds nothing wrong
// with no tests at all, so there is a floor: so many files, and so many tests that ran.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const FILES = 11;
const TESTS = 64;

const here = dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(join(tmpdir(), "page-test-"));

/**
 * Runs the files, and counts the tests that passed and the files that have any. What was skipped or left to do did not
 * run, and a file without tests, which the runner reports as a test itself, has none.
 */
async function runAll(files) {
	const ran = { passed: 0, failed: 0, skipped: 0, files: new Set() };
	const stream = run({ files, concurrency: true });
	stream.on("test:fail", () => ran.failed++);
	stream.on("test:pass", ({ name, file, skip, todo, details }) => {
		if (details.type === "suite" || files.includes(name)) return;
		if (skip !== undefined || todo !== undefined) {
			ran.skipped++;
			return;
		}
		ran.passed++;
		ran.files.add(file);
	});
	stream.compose(spec()).pipe(process.stdout);
	await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
	return ran;
}

try {
	const tests = readdirSync(join(here, "test")).filter((name) => name.endsWith(".test.ts"));
	await build({
		entryPoints: tests.map((name) => join(here, "test", name)),
		outdir: out,
		outExtension: { ".js": ".mjs" },
		bundle: true,
		platform: "node",
		loader: { ".css": "empty" },
		format: "esm",
		logLevel: "error",
	});
	const files = readdirSync(out).map((name) => join(out, name));
	const ran = await runAll(files);
	console.log(
		`test.mjs: ${ran.passed} tests of ${ran.files.size} files passed, ${ran.failed} failed, ${ran.skipped} skipped`,
	);
	if (ran.files.size < FILES || ran.passed < TESTS) {
		console.error(`test.mjs: at least ${TESTS} tests of ${FILES} files must pass: some are missing, or did not run`);
		process.exitCode = 1;
	}
	if (ran.failed > 0) process.exitCode = 1;
} finally {
	rmSync(out, { recursive: true, force: true });
}
