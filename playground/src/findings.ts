// What was found in the text, under its lines: the message, and a button for each repair.
import { ChangeDesc, StateEffect, StateField, Text } from "@codemirror/state";
import { Decoration, DecorationSet, EditorView, WidgetType } from "@codemirror/view";
import type { Finding, Place } from "./messages";

interface Shown {
  findings: Finding[];
  decorations: DecorationSet;
}

export const showFindings = StateEffect.define<Finding[]>();

export const findings = StateField.define<Shown>({
  create: () => ({ findings: [], decorations: Decoration.none }),
  update(shown, transaction) {
    const told = transaction.effects.find((effect) => effect.is(showFindings));
    if (told) return { findings: told.value, decorations: decorated(told.value, transaction.newDoc) };
    if (!transaction.docChanged) return shown;
    const { changes } = transaction;
    return { findings: moved(shown.findings, changes), decorations: shown.decorations.map(changes) };
  },
  provide: (field) => EditorView.decorations.from(field, ({ decorations }) => decorations),
});

/** The findings where they are after a change, until the text is looked at again. */
function moved(found: Finding[], changes: ChangeDesc): Finding[] {
  const place = <P extends Place>(old: P): P => ({ ...old, from: changes.mapPos(old.from, 1), to: changes.mapPos(old.to) });
  const fixes = (each: Finding) => each.fixes.map((fix) => ({ ...fix, edits: fix.edits.map(place) }));
  return found.map((each) => ({ ...place(each), fixes: fixes(each) }));
}

function decorated(found: Finding[], text: Text): DecorationSet {
  const all = found.flatMap((finding, index) => {
    const end = text.lineAt(finding.to).to;
    const widget = Decoration.widget({ widget: new Message(finding, index), block: true, side: 1 }).range(end);
    const { from, to } = visible(finding, text);
    const mark = Decoration.mark({ class: `found found-${finding.severity}` });
    return from < to ? [mark.range(from, to), widget] : [widget];
  });
  return Decoration.set(all, true);
}

/** A place that holds at least a letter, if its line has one. */
function visible({ from, to }: Place, text: Text): Place {
  if (from < to) return { from, to };
  const line = text.lineAt(from);
  return from < line.to ? { from, to: from + 1 } : { from: Math.max(line.from, from - 1), to: from };
}

class Message extends WidgetType {
  constructor(
    private readonly finding: Finding,
    private readonly index: number,
  ) {
    super();
  }

  override eq(other: Message): boolean {
    return this.index === other.index && JSON.stringify(told(this.finding)) === JSON.stringify(told(other.finding));
  }

  override toDOM(view: EditorView): HTMLElement {
    const { code, severity, message, notes, labels, fixes } = this.finding;
    const box = element("div", `message message-${severity}`);
    box.append(element("b", "code", code), " ", message);
    const places = labels.map((label) => `line ${view.state.doc.lineAt(label.from).number}: ${label.text}`);
    for (const note of [...notes, ...places]) box.append(element("div", "note", note));
    fixes.forEach(({ title }, at) => {
      const button = element("button", "repair", title);
      button.addEventListener("click", () => repair(view, this.index, at));
      box.append(button);
    });
    const row = element("div", "below");
    row.append(box);
    return row;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}

/** What of a finding is to be read. */
function told({ code, severity, message, notes, labels, fixes }: Finding): unknown {
  return [code, severity, message, notes, labels, fixes.map(({ title }) => title)];
}

function repair(view: EditorView, index: number, at: number): void {
  const fix = view.state.field(findings).findings[index].fixes[at];
  view.dispatch({ changes: fix.edits.map(({ from, to, text }) => ({ from, to, insert: text })), userEvent: "input.repair" });
  view.focus();
}

function element(tag: string, className: string, text = ""): HTMLElement {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}
