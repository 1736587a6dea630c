"""What a weir has counted so far."""
from __future__ import annotations

from exposition import Exposition
from polling import wait_until
from weir_harness import Weir


def metric(weir: Weir, name: str, **labels: str) -> float:
    return Exposition(weir.admin.metrics()).total(name, **labels)


def wait_for_outcomes(weir: Weir, **classes: int) -> None:
    """So many requests have ended since the start, each as told. They are counted a tick after their end."""
    wait_until(lambda: metric(weir, "weir_requests_total") == sum(classes.values()), f"{classes} have been counted")
    assert {name: metric(weir, "weir_requests_total", **{"class": name}) for name in classes} == classes
