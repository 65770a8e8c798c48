"""Which engine a test is quick on."""

from __future__ import annotations

import pytest

ENGINES = ("duckdb", "postgres")


def slow_on(slow: str) -> pytest.MarkDecorator:
    """Run a test on both engines, but on one of them only in `make test-all`; its fixture is `deployment`."""
    engines = [pytest.param(engine, marks=[pytest.mark.slow] * (engine == slow)) for engine in ENGINES]
    return pytest.mark.parametrize("deployment", engines, indirect=True)
