"""A bar for each network and batch: how many times faster than the peer; the line at 1 is the peer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LEFT, WIDTH, HEIGHT, GAP, TOP = 190, 460, 15, 12, 34
COLORS = ("#3b6ea5", "#79a6d2", "#1f3d5c")


@dataclass(frozen=True)
class Bar:
    label: str
    group: str
    value: float


def chart(bars: Sequence[Bar]) -> str:
    """An SVG that reads on light and dark pages."""
    labels, groups = list(dict.fromkeys(bar.label for bar in bars)), list(dict.fromkeys(bar.group for bar in bars))
    height = TOP + len(labels) * (len(groups) * HEIGHT + GAP) + 8
    scale = WIDTH / max([bar.value for bar in bars] + [1.5])
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 60} {height}" font-family="sans-serif" '
        'font-size="12" role="img" aria-label="Times faster than the best mode of torch.compile">',
        *_legend(groups),
        *(line for bar in bars for line in _bar(bar, labels, groups, scale)),
        f'<line x1="{LEFT + scale:.1f}" x2="{LEFT + scale:.1f}" y1="{TOP - 6}" y2="{height - 8}" stroke="#c0392b"/>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _legend(groups: Sequence[str]) -> Iterator[str]:
    for index, group in enumerate(groups):
        x = LEFT + 110 * index
        yield f'<rect x="{x}" y="8" width="12" height="12" fill="{COLORS[index % len(COLORS)]}"/>'
        yield f'<text x="{x + 17}" y="18" fill="#808080">{group}</text>'


def _bar(bar: Bar, labels: Sequence[str], groups: Sequence[str], scale: float) -> Iterator[str]:
    number, inside = labels.index(bar.label), groups.index(bar.group)
    y = TOP + number * (len(groups) * HEIGHT + GAP) + inside * HEIGHT
    if not inside:
        middle = y + len(groups) * HEIGHT / 2 + 4
        yield f'<text x="{LEFT - 8}" y="{middle:.1f}" text-anchor="end" fill="#808080">{bar.label}</text>'
    color = COLORS[inside % len(COLORS)]
    yield f'<rect x="{LEFT}" y="{y}" width="{bar.value * scale:.1f}" height="{HEIGHT - 2}" fill="{color}"/>'
    yield f'<text x="{LEFT + bar.value * scale + 5:.1f}" y="{y + 11}" fill="#808080">{bar.value:.2f}</text>'
