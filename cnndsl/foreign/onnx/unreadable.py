"""What can be wrong with a step of a file, or with the file itself."""

from __future__ import annotations


class Unreadable(Exception):
    """A step that no layer says exactly; the text is the reason, in a few words."""


class Broken(Exception):
    """A file that nobody could read; the text says what is wrong with it."""
