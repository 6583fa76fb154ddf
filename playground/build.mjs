// Bundles the scripts into the folder of a site that has everything else already: `node build.mjs FOLDER`.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { build } from "esbuild";

const site = process.argv[2];
const shared = { bundle: true, minify: true, format: "esm", target: "es2022", outdir: site, external: ["node:*"], loader: { ".arch": "text" } };
await build({ ...shared, entryPoints: ["src/page.ts", "src/worker.ts"] });

const paths = readdirSync(site, { recursive: true }).map((name) => join(site, name));
const files = paths.filter((path) => statSync(path).isFile()).sort();
const hash = createHash("sha256");
for (const file of files) hash.update(relative(site, file)).update(readFileSync(file));
const names = files.map((file) => relative(site, file)).filter((name) => name !== "index.html");
const define = { FILES: JSON.stringify(["./", ...names]), VERSION: JSON.stringify(hash.digest("hex").slice(0, 16)) };
await build({ ...shared, entryPoints: ["src/offline.ts"], define });
