"""Triton reads this when it is first imported: kernels run in its interpreter, unless a GPU run sets it to 0."""

from __future__ import annotations

import os

os.environ.setdefault("TRITON_INTERPRET", "1")
