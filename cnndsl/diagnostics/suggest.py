"""The word that was probably meant, for "did you mean": a slip of the finger, a longer or shorter form, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

_LONGEST = 64  # a longer word is no slip of the finger, and comparing it would take time
_MOST_CANDIDATES = 5_000  # of more, none is offered
_MOST_COMPARED = 200  # of those that may be near, letter by letter
_SHORTEST_FORM = 3  # letters of an abbreviation, at least


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `word`, upper and lower case alike, or None if none is near.

    First those that differ by a slip (`convv`, one edit in three letters), then those of which it is a longer or
    shorter form (`padding` for `pad`). The answer does not depend on the order of the candidates.
    """
    if len(word) > _LONGEST:
        return None
    others = {candidate for candidate in islice(candidates, _MOST_CANDIDATES + 1) if candidate != word}
    if len(others) > _MOST_CANDIDATES:
        return None
    folded = word.casefold()
    near = sorted(filter(None, (_may_be_near(folded, candidate) for candidate in others)))[:_MOST_COMPARED]
    ranked = [(*rank, candidate) for _, candidate in near if (rank := _rank(folded, candidate.casefold()))]
    return min(ranked)[-1] if ranked else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean resnet50?`, the end of an error's line; `otherwise` where nothing is near."""
    guess = closest(word, known)
    return f"did you mean {guess}?" if guess else otherwise


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
        return 0, 0, False
    if difference <= slips and (distance := _distance(word, candidate)) <= slips:
        return 0, distance, word[:1] != candidate[:1]
    if longer.startswith(shorter) and len(shorter) >= _SHORTEST_FORM:
        return 1, difference, False
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
