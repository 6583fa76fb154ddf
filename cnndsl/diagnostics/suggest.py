"""The word that was probably meant, for "did you mean": a slip of the finger, a longer or shorter form, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from cnndsl.diagnostics.model import Edit, Fix
from cnndsl.source import Span

_LONGEST = 64  # a longer word is no slip of the finger, and comparing it would take time
_SLIP, _FORM = 0, 1  # kinds of difference: of some letters, or of an ending
_MOST_CANDIDATES = 5_000  # of more, none is offered
_MOST_COMPARED = 200  # of those that may be near, letter by letter
_SHORTEST_FORM = 3  # letters of an abbreviation, at least


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `word`, upper and lower case alike, or None if none is near.

    First those that differ by a slip (`convv`, one edit in three letters), then those of which it is a longer or
    shorter form (`padding` for `pad`). The answer does not depend on the order of the candidates.
    """
    ranked = _ranked(word, candidates)
    return ranked[0][-1] if ranked else None


def meant(place: Span, candidates: Iterable[str], word: str | None = None) -> tuple[Fix, ...]:
    """The word there, if it is not another, replaced by the nearest candidate, if one is near.

    That is certain if it is a slip and no other comes as near. A digit is no slip: it tells names apart, as in `enc1`.
    """
    word = place.text if word is None else word
    ranked = _ranked(word, candidates)
    if not ranked:
        return ()
    kind, guess = ranked[0][0], ranked[0][-1]
    alone = len(ranked) == 1 or ranked[1][:2] > ranked[0][:2]
    digits = [re.sub(r"\D", "", text) for text in (word, guess)]
    return (instead(place, guess, safe=kind == _SLIP and alone and digits[0] == digits[1]),)


def instead(place: Span, word: str, *, safe: bool) -> Fix:
    """Another word in place of the one there."""
    return Fix(f"did you mean `{word}`?", (Edit(place, word),), safe)


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean resnet50?`, the end of an error's line; `otherwise` where nothing is near."""
    guess = closest(word, known)
    return f"did you mean {guess}?" if guess else otherwise


def _ranked(word: str, candidates: Iterable[str]) -> list[tuple[int, int, bool, str]]:
    """The candidates that are near, the nearest first, with how far they are off."""
    if len(word) > _LONGEST:
        return []
    others = {candidate for candidate in islice(candidates, _MOST_CANDIDATES + 1) if candidate != word}
    if len(others) > _MOST_CANDIDATES:
        return []
    folded = word.casefold()
    near = sorted(filter(None, (_may_be_near(folded, candidate) for candidate in others)))[:_MOST_COMPARED]
    return sorted((*rank, each) for _, each in near if (rank := _rank(folded, each.casefold())))


def _may_be_near(word: str, candidate: str) -> tuple[int, str] | None:
    """A bound of the slips between the two, quickly found, and the candidate; None if they are too many."""
    other = candidate.casefold()
    if word.startswith(other) or other.startswith(word):
        return 0, candidate
    letters, others = set(word), set(other)
    bound = max(abs(len(word) - len(other)), len(letters - others), len(others - letters))
    return (bound, candidate) if bound <= _most_slips(word, other) else None


def _most_slips(word: str, candidate: str) -> int:
    shorter, longer = sorted((len(word), len(candidate)))
    return min(max(longer // 3, 1), shorter - 1)  # a single letter is never a slip for another


def _rank(word: str, candidate: str) -> tuple[int, int, bool] | None:
    """How far the candidate is off (kind of difference, letters, another initial), or None if too far."""
    shorter, longer = sorted((word, candidate), key=len)
    slips = _most_slips(word, candidate)
    difference = len(longer) - len(shorter)
    if word == candidate:
        return _SLIP, 0, False
    if difference <= slips and (distance := _distance(word, candidate)) <= slips:
        return _SLIP, distance, word[:1] != candidate[:1]
    if longer.startswith(shorter) and len(shorter) >= _SHORTEST_FORM:
        return _FORM, difference, False
    return None


def _distance(a: str, b: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours between two words.

    Damerau 1964, Levenshtein 1966; no letter is edited twice ("optimal string alignment").
    """
    before: list[int] = []
    above = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        row = [i]
        for j, other in enumerate(b, start=1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, above = above, row
    return above[-1]
