"""Why a step of a file is in no layer's words."""

from __future__ import annotations


class Unreadable(Exception):
    """A step that no layer says exactly; the text is the reason, in a few words."""
