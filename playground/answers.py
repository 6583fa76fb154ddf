"""What the page asks of cnndsl: a request as JSON gives an answer as JSON, of the text that was looked at last.

It only puts together what `cnndsl.editor`, `cnndsl.draw` and the commands' own functions give; the worker calls it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from time import perf_counter
from typing import Any
from urllib.parse import quote

from cnndsl.backends.torch import generate
from cnndsl.checking import Request, check_at_once
from cnndsl.diagnostics import Diagnostic, Fix
from cnndsl.draw.viewer.states import viewer_data, viewer_glimpse
from cnndsl.editor.completion import completions
from cnndsl.editor.first import first_look
from cnndsl.editor.hints import hints
from cnndsl.editor.hover import hover
from cnndsl.editor.positions import offset_of_units, units
from cnndsl.editor.view import View, in_view_on, whole_view
from cnndsl.elaborate import Elaboration
from cnndsl.errors import Error
from cnndsl.ir import Graph
from cnndsl.models import zoo_model, zoo_names
from cnndsl.shipped import shipped
from cnndsl.source import Source, Span, decode_source

NAME = "text.arch"
QUICK = 0.1  # seconds; what takes no longer is looked at whole at once
Answer = dict[str, Any]


class Missing(Exception):
    """What was asked for can't be had of a text with mistakes."""


class Desk:
    """The last look at the text, and the last one at all of its networks."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._whole: View | None = None
        self._readable: View | None = None  # the last one without a syntax error, for names
        self._seconds = 0.0  # that the last whole look took

    def answer(self, request: str) -> str:
        """One request, `{"ask": KIND, ...}`; what can't be answered gives `{"error": WHY}`."""
        asked = json.loads(request)
        kinds: dict[str, Callable[..., Answer]] = {
            "look": self.look,
            "complete": self.complete,
            "hover": self.hover,
            "picture": self.picture,
            "table": self.table,
            "zoo": zoo,
            "text": zoo_text,
        }
        try:
            told = kinds[asked.pop("ask")](**asked)
        except (Error, Missing) as error:
            told = {"error": str(error)}
        return json.dumps(told, separators=(",", ":"))

    # --- the text

    def look(self, text: str, line: int, network: str, whole: bool) -> Answer:
        """What is found in a text, and the shapes at its line ends; `whole` looks at networks out of view, too.

        The network in view is the one of the `line` of the cursor, from 0, or else the one that was.
        """
        source = _source(text)
        found = self._again(source)
        if found is None and not whole:
            found = self._first(source, network)
        if found is None:
            found = self._look_whole(source)
        view, findings = found
        self._view = view
        if view.file.complete:
            self._readable = view
        return {
            "whole": view.whole,
            "network": _shown(view, line, network),
            "networks": {
                each.name.id: _at(view.source, each.span.start)
                for each in view.file.networks
                if each.name.id in view.checked.networks
            },
            "findings": [_finding(each, view) for each in findings],
            "hints": [{"at": _at(view.source, hint.offset), "text": hint.text} for hint in hints(view)],
        }

    def complete(self, text: str, at: int) -> Answer:
        """What could stand before a place, in the order in which it is likely."""
        view = self._readable or self._view
        found = completions(view, _source(text), offset_of_units(text, at)) if view is not None else []
        return {"completions": [vars(each) for each in found]}

    def hover(self, text: str, at: int) -> Answer:
        """What is known of the word at a place, in Markdown; nothing, if the text has changed since the last look."""
        view = self._view
        if view is None or view.source.text != text:
            return {"about": None}
        found = hover(view, offset_of_units(text, at))
        return {"about": {**_place(found.span), "text": found.text} if found is not None else None}

    def _again(self, source: Source) -> tuple[View, list[Diagnostic]] | None:
        """What is known of this text already: a cursor moves more often than the text changes."""
        whole = self._whole
        return (whole, whole.checked.report.shown) if whole is not None and whole.source.text == source.text else None

    def _first(self, source: Source, shown: str) -> tuple[View, list[Diagnostic]] | None:
        """The network in view alone, where all of them take long; None if there is none or it has another name now."""
        before = self._whole
        if before is None or self._seconds <= QUICK:
            return None
        return first_look(before, source, Request(), shown)

    def _look_whole(self, source: Source) -> tuple[View, list[Diagnostic]]:
        began = perf_counter()
        view = self._whole = whole_view(source, Request())
        self._seconds = perf_counter() - began
        return view, view.checked.report.shown

    # --- the network

    def picture(self, network: str, state: str) -> Answer:
        """All states of the picture, or with the name of one that alone, which is there at once."""
        graph = self._network(network).graph
        return viewer_glimpse(graph, state) if state else viewer_data(graph)

    def table(self, network: str, kind: str, choice: str) -> Answer:
        """What a tab shows, as HTML; `choice` is a card, or the network to compare with."""
        done = self._network(network)
        if kind in WHOLE and not done.complete:
            raise Missing(f"{network} has a mistake; this is there when it is repaired")
        return {"html": TABLES[kind](done.graph, choice)}

    def _network(self, name: str) -> Elaboration:
        done = self._view.checked.networks.get(name) if self._view is not None else None
        if done is None or not len(done.graph):
            raise Missing("there is no network yet")
        return done


def _source(text: str) -> Source:
    return decode_source(text.encode("utf-8", "replace"), NAME, shipped("archs") / NAME)


def _shown(view: View, line: int, network: str) -> str:
    """The network that a line takes part in, or else the one that was shown, or the first one."""
    known = view.checked.networks
    return in_view_on(view, line, network) or (network if network in known else next(iter(known), ""))


def _at(source: Source, offset: int) -> int:
    """A place as scripts count: in UTF-16 units."""
    return units(source.text[:offset])


def _place(span: Span) -> Answer:
    return {"from": _at(span.source, span.start), "to": _at(span.source, span.end)}


def _finding(finding: Diagnostic, view: View) -> Answer:
    """A finding with its repairs; those of other files can't be made here."""
    home = view.home(finding.span)
    message = finding.message if home is finding.span else f"{finding.span}: {finding.message}"
    own = [fix for fix in finding.fixes if all(edit.span.source is view.source for edit in fix.edits)]
    advice = [remedy for remedy in finding.remedies if remedy not in {fix.title for fix in own}]
    return {
        **_place(home),
        "code": finding.code,
        "severity": finding.severity,
        "message": message,
        "notes": [*([finding.label] if finding.label else ()), *finding.notes, *advice],
        "labels": [
            {**_place(each.span), "text": each.text} for each in finding.labels if each.span.source is home.source
        ],
        "fixes": [_fix(fix) for fix in own],
    }


def _fix(fix: Fix) -> Answer:
    return {"title": fix.title, "edits": [{**_place(edit.span), "text": edit.text} for edit in fix.edits]}


# --- tabs


def _summary(graph: Graph, _: str) -> str:
    from cnndsl.analysis import summarize, summary_table
    from cnndsl.analysis.columns import SHOWN
    from cnndsl.table import html_body

    return html_body(summary_table(summarize(graph), SHOWN))


def _roofline(graph: Graph, card: str) -> str:
    from cnndsl.analysis import summarize, summary_table
    from cnndsl.analysis.columns import SHOWN_TIMES
    from cnndsl.backends.triton.roofline import CARDS, floors
    from cnndsl.table import html_body

    return html_body(summary_table(summarize(graph, floors=floors(graph, CARDS[card])), SHOWN_TIMES))


def _written(graph: Graph, _: str) -> str:
    return f"<pre>{escape(generate(graph))}</pre>"


def _difference(graph: Graph, other: str) -> str:
    from cnndsl.diff import compare
    from cnndsl.draw.difference import diff_svg, diff_tables

    ((_, done),) = check_at_once(zoo_model(other)).networks.items()
    found = compare(done.graph, graph, other, graph.name)
    return diff_tables(found) + (_embedded(diff_svg(found), f"{other} and {graph.name}") if found else "")


def _embedded(svg: str, what: str) -> str:
    """A picture with styles of its own, which the page's don't reach."""
    return f'<img alt="{escape(what)}" src="data:image/svg+xml,{quote(svg)}">'


TABLES: dict[str, Callable[[Graph, str], str]] = {
    "summary": _summary,
    "source": _written,
    "roofline": _roofline,
    "difference": _difference,
}
WHOLE = ("source", "roofline")  # which of them need a network without mistakes


# --- the zoo


def zoo() -> Answer:
    """The networks of the zoo by their files."""
    files: dict[str, list[str]] = {}
    for name, path in zoo_names():
        files.setdefault(path.stem, []).append(name)
    return {"files": files}


def zoo_text(network: str) -> Answer:
    return {"text": zoo_model(network).source.text}


desk = Desk()
answer = desk.answer
