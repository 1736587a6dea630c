"""Active health checks: what the origin is asked, when an endpoint goes out and comes back, and who gets to know."""
from __future__ import annotations

import collections
import re
from typing import Any, Callable

from http_client import get
from origin import Origin
from plans import Plan, one_version, version
from polling import wait_until
from ports import free_port
from raw_origin import Peer, RawOrigin
from weir_harness import Weir

StartWeir = Callable[..., Weir]
StartOrigin = Callable[..., Origin]

QUICK = {"path": "/health", "interval": "50ms", "timeout": "50ms"}


class Checked:
    """An origin that answers /health as it is told, and everything else well."""

    def __init__(self, name: str):
        self.health = 200
        self.name = name

    def __call__(self, peer: Peer) -> None:
        while head := peer.request():
            status = self.health if head.startswith(b"GET /health ") else 200
            if status == 0:
                peer.wait_for_close()  # says nothing
                return
            peer.send(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\nx-origin: %s\r\n\r\n" % (status, self.name.encode()))


def checked_version(check: Plan, *origins: Any, **top: Any) -> Plan:
    plan = one_version(origins[0], **top)
    plan["services"]["chat"]["versions"]["v1"] = {**version(*origins), "healthCheck": check,
                                                  "loadBalancing": {"policy": "roundRobin"}}
    return plan


def out(weir: Weir) -> list[str]:
    """The endpoints that are out of rotation, as status says it."""
    return [one["endpoint"] for one in weir.admin.status()["services"][0]["versions"][0]["endpoints_out"]]


def takers(weir: Weir, requests: int = 20) -> collections.Counter[str | None]:
    return collections.Counter(get(weir.port)["x-origin"] for _ in range(requests))


def test_default_health_check_takes_an_endpoint_out_and_back(weir: StartWeir) -> None:
    a, b = Checked("a"), Checked("b")
    with RawOrigin(a) as first, RawOrigin(b) as second:
        served = weir(checked_version(QUICK, first, second))
        assert set(takers(served)) == {"a", "b"}
        url = f"http://127.0.0.1:{second.port}"
        for health in (503, 404, 0):
            b.health = health
            wait_until(lambda: out(served) == [url], "b is out")
            assert takers(served) == {"a": 20}
            assert any(url in problem and "health checks fail" in problem for problem in served.admin.status()["problems"])
            b.health = 200
            wait_until(lambda: not out(served), "b is back")
            assert set(takers(served)) == {"a", "b"}
        assert not any("health checks" in problem for problem in served.admin.status()["problems"])
    assert "endpoint_out" in served.log() and "endpoint_back" in served.log()


def test_an_endpoint_that_refuses_goes_out_without_a_request(weir: StartWeir, origin: StartOrigin) -> None:
    dead = free_port()
    served = weir(checked_version({"type": "tcp", "interval": "50ms", "timeout": "50ms"}, origin("a"), dead))
    wait_until(lambda: out(served) == [f"http://127.0.0.1:{dead}"], "the dead one is out")
    assert takers(served) == {"a": 20}


def test_one_prober_asks_for_all_workers(weir: StartWeir) -> None:
    origin = Checked("a")
    with RawOrigin(origin) as only:
        weir(checked_version({**QUICK, "interval": "2s", "jitter": "0%", "host": "models.example"}, only, workers=4))
        wait_until(lambda: only.heads, "it is asked")
        assert len(only.heads) == 1
        head = only.heads[0]
    assert head.startswith(b"GET /health HTTP/1.1\r\n")
    assert re.search(rb"(?i)\r\nhost: models\.example\r\n", head)
    assert re.search(rb"(?i)\r\nuser-agent: weir-health-check\r\n", head)


def test_all_are_used_when_none_is_well(weir: StartWeir) -> None:
    a, b = Checked("a"), Checked("b")
    a.health = b.health = 500
    with RawOrigin(a) as first, RawOrigin(b) as second:
        served = weir(checked_version(QUICK, first, second))
        wait_until(lambda: len(out(served)) == 2, "both are out")
        assert set(takers(served)) == {"a", "b"}
        assert any("requests go to all of them" in problem for problem in served.admin.status()["problems"])


def test_a_reload_keeps_what_is_known_and_ends_what_is_not_asked_any_more(weir: StartWeir) -> None:
    a, b = Checked("a"), Checked("b")
    with RawOrigin(a) as first, RawOrigin(b) as second, RawOrigin(Checked("c")) as third:
        served = weir(checked_version(QUICK, first, second))
        b.health = 500
        wait_until(lambda: len(out(served)) == 1, "b is out")
        served.write(checked_version(QUICK, first, second, third))
        served.cli("reload")
        assert set(takers(served)) == {"a", "c"}  # from the first request on
        plan = checked_version(QUICK, first, second)
        del plan["services"]["chat"]["versions"]["v1"]["healthCheck"]
        served.write(plan)
        served.cli("reload")
        wait_until(lambda: not out(served), "an endpoint that is not asked is well")
        assert set(takers(served)) == {"a", "b"}


def test_the_requests_of_a_check_are_nobodys_evidence(weir: StartWeir) -> None:
    origin = Checked("a")
    with RawOrigin(origin) as only:
        served = weir(checked_version(QUICK, only))
        wait_until(lambda: len(only.heads) >= 5, "it is asked")
        assert served.admin.status()["services"][0]["versions"][0]["requests"] == 0
