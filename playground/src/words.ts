// What the compiler knows of words: those that could stand at the cursor, and what the one under the pointer is.
import { acceptCompletion, autocompletion, completionKeymap, moveCompletionSelection } from "@codemirror/autocomplete";
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { EditorView, Tooltip, hoverTooltip, keymap } from "@codemirror/view";
import { micromark } from "micromark";
import type * as told from "./messages";

/** Asks the compiler; undefined where there is no answer, or none is wanted any more. */
export type Ask = <Answer>(question: told.Question, wanted: () => boolean) => Promise<Answer | undefined>;

const BEFORE = /[ (.=|]$/; // behind these, words are offered without being asked for

export const words = (ask: Ask) => [completion(ask), about(ask)];

function completion(ask: Ask) {
  const source = async (context: CompletionContext): Promise<CompletionResult | null> => {
    const word = context.matchBefore(/\w+/);
    if (!context.explicit && !word && !offered(context)) return null;
    const text = context.state.doc.toString();
    const question: told.Question = { ask: "complete", text, at: context.pos };
    const answer = await ask<{ completions: told.Completion[] }>(question, () => !context.aborted);
    if (!answer) return null;
    return { from: word?.from ?? context.pos, options: answer.completions.map(option), validFor: /^\w*$/ };
  };
  const offers = autocompletion({ override: [source], icons: false, selectOnOpen: false, defaultKeymap: false });
  return [keymap.of([{ key: "Tab", run: acceptFirst }, ...completionKeymap]), offers];
}

/** Tab takes the first word that is offered; Enter ends the line, unless one was chosen by the arrows. */
function acceptFirst(view: EditorView): boolean {
  return acceptCompletion(view) || (moveCompletionSelection(true)(view) && acceptCompletion(view));
}

/** Whether words are offered at a place where none is begun: within a line. */
function offered({ state, pos }: CompletionContext): boolean {
  const line = state.doc.lineAt(pos);
  const before = line.text.slice(0, pos - line.from);
  return before.trim() !== "" && BEFORE.test(before);
}

function option({ word, detail, documentation, text }: told.Completion, rank: number): Completion {
  return {
    label: word,
    apply: text || word,
    detail,
    info: documentation ? () => shown(documentation) : undefined,
    boost: -Math.min(rank, 99),
  };
}

function about(ask: Ask) {
  return hoverTooltip(async (view, at): Promise<Tooltip | null> => {
    const text = view.state.doc.toString();
    const answer = await ask<{ about: told.About | null }>({ ask: "hover", text, at }, () => true);
    if (!answer?.about) return null;
    const { from, to, text: markdown } = answer.about;
    return { pos: from, end: to, above: true, create: () => ({ dom: shown(markdown) }) };
  });
}

/** A text in Markdown, which may be of somebody else's network: HTML in it stays what it is. */
function shown(markdown: string): HTMLElement {
  return Object.assign(document.createElement("div"), { className: "about", innerHTML: micromark(markdown) });
}
