// The editor of the text, with what was found in it.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, ViewUpdate, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { findings, showFindings } from "./findings";
import { arch } from "./highlighting";
import { hints, showHints } from "./hints";
import type { Look } from "./messages";
import { Ask, words } from "./words";

const extensions = [
  lineNumbers(),
  history(),
  drawSelection(),
  highlightActiveLine(),
  bracketMatching(),
  indentOnInput(),
  indentUnit.of("    "),
  EditorState.tabSize.of(4),
  keymap.of([...defaultKeymap, ...historyKeymap]),
  EditorView.contentAttributes.of({ "aria-label": "Text of the network" }),
  arch,
  findings,
  hints,
];

export class Editor {
  private readonly view: EditorView;

  constructor(parent: HTMLElement, ask: Ask, changed: (update: ViewUpdate) => void) {
    const listener = EditorView.updateListener.of(changed);
    this.view = new EditorView({ parent, extensions: [words(ask), extensions, listener] });
  }

  get text(): string {
    return this.view.state.doc.toString();
  }

  /** The line of the cursor, from 0. */
  get line(): number {
    const { doc, selection } = this.view.state;
    return doc.lineAt(selection.main.head).number - 1;
  }

  /** Another text, with the cursor where `network` begins in it. */
  replace(text: string, network: string): void {
    const found = network ? new RegExp(`^network\\s+${network}\\b`, "m").exec(text) : null;
    const changes = { from: 0, to: this.view.state.doc.length, insert: text };
    this.view.dispatch({ changes });
    this.goTo(found?.index ?? 0);
  }

  show({ findings, hints }: Look): void {
    this.view.dispatch({ effects: [showFindings.of(findings), showHints.of(hints)] });
  }

  goTo(anchor: number): void {
    this.view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "start", yMargin: 40 }) });
  }

  goToLine(number: number): void {
    const { doc } = this.view.state;
    if (number > doc.lines) return;
    const anchor = doc.line(number).from;
    this.view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
  }
}
