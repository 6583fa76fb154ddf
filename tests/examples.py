"""How many examples a property is given: a share of what the profile of this run says (`conftest.py`)."""

from __future__ import annotations

from hypothesis import settings


def examples(percent: int) -> int:
    """So many, in hundredths of the profile's; a dear property takes fewer than a cheap one, and each at least one."""
    return max(1, settings.get_profile(settings.get_current_profile_name()).max_examples * percent // 100)
