"""A candidate that begins to get traffic: connections are there before it does, and its cold start is not held against it."""
from __future__ import annotations

from typing import Callable

from http_client import get
from origin import Origin
from plans import at_weight, canary
from polling import wait_until
from weir_harness import Weir

StartWeir = Callable[..., Weir]
StartOrigin = Callable[..., Origin]


def test_connections_are_open_before_the_first_request(weir: StartWeir, origin: StartOrigin) -> None:
    baseline, candidate = origin("v1"), origin("v2")
    served = weir(canary(baseline, candidate, at_weight(0), workers=1, timeouts={"upstreamIdle": "60s"}))
    assert get(served.port)["x-weir-version"] == "v1"
    assert candidate.counts().connections == 0
    served.cli("weight", "chat", "50")
    wait_until(lambda: candidate.counts().connections == 2, "two connections are open")
    assert candidate.counts().requests == 0
    served.cli("weight", "chat", "60")  # it is served already
    users = [get(served.port, "/", {"x-user-id": f"u{i}"})["x-weir-version"] for i in range(20)]
    assert set(users) == {"v1", "v2"}
    assert candidate.counts().connections == 2  # those that were opened are used


def test_status_says_how_long_latencies_are_not_counted(weir: StartWeir, origin: StartOrigin) -> None:
    served = weir(canary(origin("v1"), origin("v2"), at_weight(10), rollout={"analysis": {"warmup": "1h"}}))
    wait_until(lambda: any(line.startswith("warmup: ") for line in served.admin.rollout()["waits"] or []),
               "the rollout says that it waits for that")
