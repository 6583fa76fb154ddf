"""A picture as nested text writes it: each frame opens, holds its items, and closes."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.draw.model import OUTER, Box, Frame, Picture


def nested(drawn: Picture) -> Iterator[tuple[int, Box | Frame | None]]:
    """Boxes and frames in definition order, each with the number of frames around it, the outermost counted.

    None closes the frame that was opened last. Nothing here recurses, since blocks may nest deeper than Python's stack.
    """
    pending: list[tuple[int, str | None]] = [(1, item) for item in reversed(drawn.frames[OUTER].items)]
    while pending:
        level, key = pending.pop()
        if key is None:
            yield level, None
        elif key in drawn.frames:
            yield level, drawn.frames[key]
            pending.append((level, None))
            pending.extend((level + 1, item) for item in reversed(drawn.frames[key].items))
        else:
            yield level, drawn.boxes[key]
