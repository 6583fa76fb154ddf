"""Options and settings of the whole suite.

`--renew` rewrites goldens instead of comparing with them. Hypothesis draws the same examples in every run; with
`-m slow` properties are among what runs, with fifty times the examples, and HYPOTHESIS_PROFILE=search looks elsewhere
each time. Triton reads TRITON_INTERPRET when it is first imported: kernels run in its interpreter, unless a GPU run
sets it to 0.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

os.environ.setdefault("TRITON_INTERPRET", "1")

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
_SAME_EACH_TIME = settings(derandomize=True, deadline=None, database=None, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile("default", _SAME_EACH_TIME, max_examples=20)
settings.register_profile("long", _SAME_EACH_TIME, max_examples=1_000)
settings.register_profile("search", deadline=None, max_examples=20_000, suppress_health_check=_SLOW_IS_FINE)


def pytest_configure(config: pytest.Config) -> None:
    at_length = config.getoption("markexpr") == "slow"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "long" if at_length else "default"))


def pytest_itemcollected(item: pytest.Item) -> None:
    """A property is in the default run with few examples, and in the slow one with many."""
    if settings.get_current_profile_name() == "long" and is_hypothesis_test(getattr(item, "function", None)):
        item.add_marker("slow")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew", action="store_true", help="rewrite goldens instead of comparing with them")


@pytest.fixture
def renew(request: pytest.FixtureRequest) -> bool:
    """Whether goldens are rewritten in this run."""
    return bool(request.config.getoption("--renew"))
