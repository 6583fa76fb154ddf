"""Pages of the reference: one for each layer with the networks it stands in, and one for each code of a finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cnndsl import reference
from cnndsl.cli import explain
from cnndsl.diagnostics.codes import Code, all_codes
from website.markdown import page, plain

KINDS = {"E": "Errors", "W": "Warnings", "W7": "What papers advise"}
ABOUT = {
    "E": "A file with one of these is not compiled.",
    "W": "What is certainly not meant: each is a rule that looks at the finished network, or at its text.",
    "W7": "Told where `--advice` asks for it, since it may be meant: see [tables](../tables.md#what-papers-advise).",
}


def layer_pages(users: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """By their place; `users` are the networks that each layer stands in."""
    families = reference.by_family()
    parts = [part for family, entries in families.items() for part in _family(family, entries)]
    yield "layers/index.md", page("# Layer by layer", "[All on one page](../layers.md).", *parts, listed=True)
    for entries in families.values():
        for entry in entries:
            text = "\n".join(reference.section(entry, "#"))
            yield f"layers/{entry.word}.md", page(text, *_used(users.get(entry.word, ())))


def _family(family: str, entries: Sequence[reference.Entry]) -> Iterator[str]:
    yield f"## {family.capitalize()}"
    yield "\n".join(f"- [`{entry.word}`]({entry.word}.md): {reference.first_line(entry)}" for entry in entries)


def _used(networks: Sequence[str]) -> Iterator[str]:
    if networks:
        yield "## Networks with it"
        yield ", ".join(f"[{plain(name)}](../networks/{name}.md)" for name in networks)


def code_pages() -> Iterator[tuple[str, str]]:
    """By their place."""
    parts = [part for kind in KINDS for part in _kind(kind)]
    yield "codes/index.md", page("# Finding by finding", "[All on one page](../diagnostics.md).", *parts, listed=True)
    for code in all_codes():
        yield f"codes/{code.code}.md", page("\n".join(explain.section(code, "#")))


def _kind(kind: str) -> Iterator[str]:
    yield f"## {KINDS[kind]}"
    yield ABOUT[kind]
    yield "\n".join(f"- [{code.code}]({code.code}.md): {code.title}" for code in all_codes() if _kind_of(code) == kind)


def _kind_of(code: Code) -> str:
    return "W7" if code.advice else code.code[0]
