"""Options and settings of the whole suite.

`--renew` rewrites goldens instead of comparing with them. Hypothesis draws the same examples in every run; set
HYPOTHESIS_PROFILE=search to let it look further. Triton reads TRITON_INTERPRET when it is first imported: kernels run
in its interpreter, unless a GPU run sets it to 0.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TRITON_INTERPRET", "1")

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("ci", derandomize=True, deadline=None, database=None, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile("search", deadline=None, max_examples=20_000, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew", action="store_true", help="rewrite goldens instead of comparing with them")


@pytest.fixture
def renew(request: pytest.FixtureRequest) -> bool:
    """Whether goldens are rewritten in this run."""
    return bool(request.config.getoption("--renew"))
