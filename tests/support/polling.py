"""Waiting for a condition, with a bound: what tests do instead of sleeping for as long as something should take."""
from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, timeout_s: float = 20.0) -> T:
    """Returns the condition's first true value; fails, naming `what`, when there was none in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}; last seen: {value!r}")
        time.sleep(0.02)


def stays(condition: Callable[[], bool], what: str, for_s: float) -> None:
    """Fails as soon as the condition is false within that time."""
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        assert condition(), f"no longer true: {what}"
        time.sleep(0.05)
