// The page: every change of the text is looked at, first what is in view and then the rest, until the next change.
import type { ViewUpdate } from "@codemirror/view";
import start from "../static/start.arch";
import { Compiler, Unanswered } from "./compiler";
import { Editor } from "./editor";
import { fromHash, toHash } from "./link";
import type { Finding, Look, Question, Zoo } from "./messages";
import { Picture } from "./picture";
import { Tabs } from "./tabs";
import { followTheme } from "./theme";

const PAUSE = 350; // milliseconds without a keystroke before what takes longer is done

const find = <E extends HTMLElement>(name: string): E => document.querySelector<E>(`#${name}`)!;
const status = find("status"), note = find("note"), networks = find<HTMLSelectElement>("networks");
const zoo = find<HTMLSelectElement>("zoo");
const compiler = new Compiler();
const picture = new Picture(document.querySelector<HTMLElement>(".viewer")!, (line) => editor.goToLine(line));
const tabs = new Tabs(() => void follow());
const editor = new Editor(find("editor"), askAside, changed);

let turn = 0; // of looking at the text; a later one makes what an earlier one still does worthless
let network = ""; // the one that is shown
let line = 0;
let pictured = ""; // the text whose picture is there, with all of its states

function changed(update: ViewUpdate): void {
  const moved = update.selectionSet && editor.line !== line;
  if (update.docChanged || moved) void follow();
}

async function follow(): Promise<void> {
  const mine = ++turn;
  const current = (): boolean => mine === turn;
  const ask = async <Answer>(question: Question): Promise<Answer> => {
    const answer = await compiler.ask<Answer>(question, current);
    if (answer === undefined || !current()) throw new Overtaken();
    return answer;
  };
  const pause = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (!current()) throw new Overtaken();
  };
  try {
    await look(ask, pause);
  } catch (error) {
    if (current() && !(error instanceof Overtaken)) tell(wording(error));
  }
}

const wording = (error: unknown): string => (error instanceof Unanswered ? error.message : String(error));

class Overtaken extends Error {}
type Ask = <Answer>(question: Question) => Promise<Answer>;

async function look(ask: Ask, pause: () => Promise<void>): Promise<void> {
  const text = editor.text;
  line = editor.line;
  const seen = await show(ask, text, false);
  await showNetwork(ask, text);
  await pause();
  history.replaceState(null, "", await toHash(text, network));
  if (!seen.whole) await show(ask, text, true);
  if (tabs.chosen === "picture") await showPicture(ask, text);
}

/** Asks for something that the page can do without. */
async function askAside<Answer>(question: Question, wanted: () => boolean): Promise<Answer | undefined> {
  try {
    return await compiler.ask<Answer>(question, wanted);
  } catch {
    return undefined;
  }
}

const key = (text: string): string => `${network}\n${text}`;

async function show(ask: Ask, text: string, whole: boolean): Promise<Look> {
  const began = performance.now();
  const seen = await ask<Look>({ ask: "look", text, line, network, whole });
  network = seen.network;
  editor.show(seen);
  if (seen.whole) {
    networks.replaceChildren(...Object.entries(seen.networks).map(([name, at]) => option(name, String(at))));
    networks.hidden = networks.options.length < 2;
  }
  for (const each of networks.options) each.selected = each.text === network;
  const time = document.body.dataset.looked ? ` · ${(performance.now() - began).toFixed(0)} ms` : ""; // the first one was loading
  status.textContent = summed(seen.findings) + time;
  document.body.dataset.looked = seen.whole ? "whole" : "first";
  return seen;
}

function summed(found: Finding[]): string {
  const errors = found.filter(({ severity }) => severity === "error").length;
  const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? "" : "s"}`;
  const parts = [errors && counted(errors, "error"), found.length > errors && counted(found.length - errors, "warning")];
  return parts.filter(Boolean).join(", ") || "no findings";
}

/** What the chosen tab shows: of a picture at first only what is in view of it. */
async function showNetwork(ask: Ask, text: string): Promise<void> {
  const state = picture.stateOf(network);
  if (tabs.chosen !== "picture") {
    const choice = tabs.choice;
    const answer = await asked<{ html: string }>(ask, { ask: "table", network, kind: tabs.chosen, choice });
    if (answer) tabs.fill(answer.html);
  } else if (state === "") {
    await showPicture(ask, text);
  } else if (pictured !== key(text)) {
    const data = await asked<object>(ask, { ask: "picture", network, state });
    if (data) picture.show(network, data, false);
  }
}

async function showPicture(ask: Ask, text: string): Promise<void> {
  if (pictured === key(text)) return;
  const data = await asked<object>(ask, { ask: "picture", network, state: "" });
  if (!data) return;
  picture.show(network, data, true);
  pictured = key(text);
}

/** An answer; where there can be none, the page says why and shows on what it showed. */
async function asked<Answer>(ask: Ask, question: Question): Promise<Answer | undefined> {
  try {
    const answer = await ask<Answer>(question);
    tell("");
    return answer;
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    tell(error.message);
    return undefined;
  }
}

function tell(why: string): void {
  note.textContent = why;
  note.hidden = !why;
}

// ---- what the user does

function option(text: string, value = text): HTMLOptionElement {
  return Object.assign(document.createElement("option"), { text, value });
}

function open(text: string, name: string): void {
  network = name;
  editor.replace(text, name);
}

async function offerZoo(): Promise<void> {
  const { files } = (await compiler.ask<Zoo>({ ask: "zoo" }, () => true))!;
  for (const menu of [zoo, tabs.others]) {
    for (const [file, names] of Object.entries(files)) {
      const group = Object.assign(document.createElement("optgroup"), { label: file });
      group.append(...names.map((name) => option(name)));
      menu.append(group);
    }
  }
  tabs.others.value = "resnet50";
}

async function openFromZoo(name: string): Promise<void> {
  const answer = await compiler.ask<{ text: string }>({ ask: "text", network: name }, () => true);
  open(answer!.text, name);
}

zoo.addEventListener("change", () => {
  const name = zoo.value;
  zoo.selectedIndex = 0;
  openFromZoo(name).catch((error) => tell(wording(error)));
});

networks.addEventListener("change", () => {
  network = networks.selectedOptions[0].text;
  editor.goTo(Number(networks.value));
});

find("share").addEventListener("click", async () => {
  history.replaceState(null, "", await toHash(editor.text, network));
  try {
    await navigator.clipboard.writeText(location.href);
    status.textContent = "link copied";
  } catch {
    status.textContent = "the link is in the address bar";
  }
});

async function openLink(): Promise<boolean> {
  const linked = await fromHash(location.hash);
  if (linked?.text !== undefined) open(linked.text, linked.network);
  else if (linked !== undefined) await openFromZoo(linked.network);
  else if (location.hash.includes("text=")) status.textContent = "this link holds no text that can be read";
  return linked !== undefined;
}

window.addEventListener("hashchange", () => void openLink().catch((error) => tell(wording(error))));

async function begin(): Promise<void> {
  followTheme(find("theme"));
  const linked = await openLink().catch((error) => tell(wording(error)));
  if (!linked) open(start, "");
  await offerZoo();
  await navigator.serviceWorker?.register("offline.js");
}

begin().catch((error) => tell(wording(error)));
