// The shapes at the ends of lines.
import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, DecorationSet, EditorView, WidgetType } from "@codemirror/view";
import type { Hint } from "./messages";

export const showHints = StateEffect.define<Hint[]>();

export const hints = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, transaction) {
    const told = transaction.effects.find((effect) => effect.is(showHints));
    return told ? decorated(told.value) : shown.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

function decorated(told: Hint[]): DecorationSet {
  return Decoration.set(
    told.map(({ at, text }) => Decoration.widget({ widget: new Shape(text), side: 1 }).range(at)),
    true,
  );
}

class Shape extends WidgetType {
  constructor(private readonly text: string) {
    super();
  }

  override eq(other: Shape): boolean {
    return this.text === other.text;
  }

  override toDOM(): HTMLElement {
    return Object.assign(document.createElement("span"), { className: "shape-hint", textContent: this.text });
  }

  /** A click on it is one at the end of the line. */
  override ignoreEvent(): boolean {
    return false;
  }
}
