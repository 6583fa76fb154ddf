"""Makes the fixes of files: the safe ones, again and again until none is left, and writes what came of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cnndsl.checking import Checked, Request, check_request
from cnndsl.diagnostics import Diagnostic, Fix
from cnndsl.diagnostics.edits import compatible, edited
from cnndsl.files import rewriter, write_together
from cnndsl.models import Model
from cnndsl.records import dataclass, field, replace
from cnndsl.shipped import is_shipped
from cnndsl.source import Source

MOST_ROUNDS = 50  # each makes one fix at least; a file that needs more is given back half mended


@dataclass
class Fixed:
    """What came of some models.

    made     the findings that are mended and their fixes, in order, with places in the texts of that time
    texts    the sources that changed, as they were read and as they are now, by their resolved paths
    checked  each model as it is now
    """

    made: list[tuple[Diagnostic, Fix]] = field(default_factory=list)
    texts: dict[Path | None, tuple[Source, Source]] = field(default_factory=dict)
    checked: list[Checked] = field(default_factory=list)

    def now(self, source: Source) -> Source:
        """A source as it is by now."""
        return self.texts.get(_key(source), (source, source))[1]

    def look(self, model: Model, request: Request) -> Checked:
        """Check a model as it is by now."""
        files = {path: new for path, (_, new) in self.texts.items() if path is not None}
        return check_request(replace(model, source=self.now(model.source)), replace(request, files=files))


def _key(source: Source) -> Path | None:
    """What a file is known by; there is one without a path at most, from standard input."""
    return source.path.resolve() if source.path is not None else None


def fix_models(models: Sequence[Model], request: Request) -> Fixed:
    """Make the safe fixes of models and of the files that they use; nothing is written."""
    fixed = Fixed()
    for model in models:
        for _ in range(MOST_ROUNDS):
            made = _safe_fixes(fixed.look(model, request))
            if not made:
                break
            fixed.made += made
            for old, new in edited(fix for _, fix in made).sources.items():
                fixed.texts[_key(old)] = (fixed.texts.get(_key(old), (old, old))[0], new)
    fixed.checked = [fixed.look(model, request) for model in models]
    return fixed


def _safe_fixes(checked: Checked) -> list[tuple[Diagnostic, Fix]]:
    """A safe fix for each finding that has one, as far as they can be made at once."""
    safe = {
        fix: finding
        for finding in reversed(list(checked.report))
        for fix in finding.fixes[:1]
        if fix.safe and not any(is_shipped(edit.span.source.path) for edit in fix.edits)
    }
    return [(safe[fix], fix) for fix in compatible(reversed(safe))]


def write_fixed(fixed: Fixed) -> None:
    """Put the new texts in place of the files that the old ones were read from, all or none. Raises `OutputError`."""
    writers = {
        path: rewriter(path, old.name, old.text, new.text)
        for path, (old, new) in fixed.texts.items()
        if path is not None
    }
    if writers:
        folder = Path(os.path.commonpath([path.parent for path in writers]))
        write_together(folder, {path.relative_to(folder).as_posix(): writer for path, writer in writers.items()})


def in_words(made: Sequence[tuple[Diagnostic, Fix]]) -> Iterator[str]:
    """A line for each fix that was made: where, of what, and how the text changed."""
    for finding, fix in made:
        for edit in fix.edits:
            yield f"fixed {edit.span}: {finding.code}: {_change(edit.span.text, edit.text)}"


def _change(before: str, after: str) -> str:
    shown, instead = _shown(before), _shown(after)
    if not before:
        return f"{instead} added"
    return f"{shown} is now {instead}" if after else f"{shown} removed"


def _shown(text: str, most: int = 40) -> str:
    text = " ".join(text.split()) or repr(text)[1:-1]
    return f"`{text if len(text) <= most else text[:most] + '...'}`"
