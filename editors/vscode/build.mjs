// Bundles the extension with its libraries into dist/, and puts the grammar beside it.
import { copyFileSync, mkdirSync } from "node:fs";
import { build } from "esbuild";

mkdirSync("dist", { recursive: true });
copyFileSync("../../grammars/arch.tmLanguage.json", "dist/arch.tmLanguage.json");
copyFileSync("../../LICENSE", "LICENSE");
await build({
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  minify: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
});
