// The language for the editor, made of the grammar that other highlighters use: flat patterns, tried in their order.
import { HighlightStyle, StreamLanguage, indentService, syntaxHighlighting } from "@codemirror/language";
import { Tag, tags } from "@lezer/highlight";
import grammar from "../../grammars/arch.tmLanguage.json";

/** What is left of the last match: where each part of it ends, and its scope. */
interface State {
  rest: { end: number; scope: string | null }[];
}

interface Pattern {
  match: string;
  name?: string;
  captures?: Record<string, { name: string }>;
}

const TAGS: Record<string, Tag> = {
  "comment.line.number-sign.arch": tags.lineComment,
  "string.quoted.double.arch": tags.string,
  "keyword.other.arch": tags.definitionKeyword,
  "keyword.control.arch": tags.keyword,
  "keyword.operator.arch": tags.operator,
  "entity.name.type.arch": tags.typeName,
  "constant.language.arch": tags.bool,
  "constant.numeric.size.arch": tags.number,
  "constant.numeric.arch": tags.number,
  "support.function.layer.arch": tags.function(tags.name),
  "support.class.structure.arch": tags.className,
  "variable.other.arch": tags.name,
  "punctuation.bracket.arch": tags.bracket,
};

// A dot in a name would be a modifier to the editor.
const named = (scope: string): string => scope.replaceAll(".", "_");
const patterns = (grammar.patterns as Pattern[]).map((each) => ({ ...each, expression: new RegExp(each.match, "dy") }));

/** The parts of what a pattern matches at a place, if it does. */
function matched(line: string, at: number): State["rest"] {
  for (const { expression, name, captures } of patterns) {
    expression.lastIndex = at;
    const found = expression.exec(line);
    if (!found?.[0]) continue;
    const parts = Object.entries(captures ?? {}).flatMap(([group, { name: scope }]) => {
      const [start, end] = found.indices![Number(group)];
      return [{ end: start, scope: null }, { end, scope }];
    });
    return [...parts, { end: expression.lastIndex, scope: name ?? null }].filter(({ end }) => end > at);
  }
  return [];
}

const language = StreamLanguage.define<State>({
  name: "arch",
  startState: () => ({ rest: [] }),
  copyState: ({ rest }) => ({ rest: [...rest] }),
  token(stream, state) {
    if (stream.sol()) state.rest = [];
    state.rest = state.rest.filter(({ end }) => end > stream.pos);
    if (!state.rest.length) state.rest = matched(stream.string, stream.pos);
    const part = state.rest.shift();
    if (part === undefined) {
      stream.next();
      return null;
    }
    stream.pos = part.end;
    return part.scope && named(part.scope);
  },
  languageData: { commentTokens: { line: "#" }, indentOnInput: /^\s*\}$/ },
  tokenTable: Object.fromEntries(Object.entries(TAGS).map(([scope, tag]) => [named(scope), tag])),
});

const style = HighlightStyle.define([
  { tag: tags.lineComment, color: "var(--comment)", fontStyle: "italic" },
  { tag: [tags.definitionKeyword, tags.keyword], color: "var(--keyword)" },
  { tag: tags.typeName, color: "var(--type)", fontWeight: "bold" },
  { tag: tags.function(tags.name), color: "var(--layer)" },
  { tag: tags.className, color: "var(--structure)" },
  { tag: [tags.number, tags.bool], color: "var(--number)" },
  { tag: tags.string, color: "var(--string)" },
  { tag: [tags.operator, tags.bracket], color: "var(--muted)" },
]);

/** As deep as the last line with text, and by the braces that end that and begin this one. */
const indents = indentService.of((context, at) => {
  const { doc } = context.state;
  const here = doc.lineAt(at);
  let above = at > here.from ? here : doc.line(Math.max(1, here.number - 1));
  while (above.number > 1 && !above.text.trim()) above = doc.line(above.number - 1);
  const before = above === here ? context.lineAt(at, -1).text : above.text; // of a line that is broken, what stays
  const opened = /\{\s*(#.*)?$/.test(before) ? context.unit : 0;
  const closed = /^\s*\}/.test(context.textAfterPos(at)) ? context.unit : 0;
  return Math.max(0, context.lineIndent(above.from) + opened - closed);
});

export const arch = [language, indents, syntaxHighlighting(style)];
