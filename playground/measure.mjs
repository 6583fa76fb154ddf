// How long the compiler works after a keystroke on GoogLeNet, in Pyodide as in a browser: `node measure.mjs SITE`.
// First what the page asks at once (findings and shapes, then the picture in view), then what it asks after a pause.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadPyodide } from "pyodide";

const site = process.argv[2] ?? "dist";
const KEYSTROKES = 20;
const WARM = 5; // rounds that do not count

const python = await loadPyodide();
python.unpackArchive(new Uint8Array(readFileSync(join(site, "python.zip"))), "zip", { extractDir: "/cnndsl" });
const answer = python.runPython('import sys; sys.path.insert(0, "/cnndsl"); from answers import answer; answer');

function asked(question) {
  const before = process.cpuUsage();
  const told = JSON.parse(answer(JSON.stringify(question)));
  const { user, system } = process.cpuUsage(before);
  if (told.error) throw new Error(told.error);
  return [told, (user + system) / 1000];
}

const network = "googlenet";
const [{ text }] = asked({ ask: "text", network });
const at = text.indexOf("192", text.indexOf(`network ${network}`));
const line = text.slice(0, at).split("\n").length - 1;
const times = { findings: [], view: [], rest: [] };
for (let stroke = 0; stroke < WARM + KEYSTROKES; stroke++) {
  const edited = `${text.slice(0, at)}${100 + stroke}${text.slice(at + 3)}`;
  const look = { ask: "look", text: edited, line, network, whole: false };
  const [, findings] = asked(look);
  const [, view] = asked({ ask: "picture", network, state: "1" });
  const [, whole] = asked({ ...look, whole: true });
  const [, states] = asked({ ask: "picture", network, state: "" });
  if (stroke < WARM) continue;
  times.findings.push(findings);
  times.view.push(view);
  times.rest.push(whole + states);
}
const median = (numbers) => numbers.sort((one, other) => one - other)[numbers.length >> 1].toFixed(0);
console.log(`findings and shapes  ${median(times.findings)} ms of CPU`);
console.log(`picture in view      ${median(times.view)} ms`);
console.log(`after a pause        ${median(times.rest)} ms: other networks, and all states of the picture`);
