"""Origins that refuse, die or break off: what their clients see of it."""
from __future__ import annotations

from typing import Callable

import pytest
from exposition import Exposition
from http_client import Connection, Truncated, get, request_bytes
from origin import Origin
from outcomes import metric, wait_for_outcomes
from plans import one_version, version
from polling import wait_until
from ports import free_port
from weir_harness import Weir

StartWeir = Callable[..., Weir]
StartOrigin = Callable[..., Origin]


# Refused


@pytest.mark.parametrize("body", [b"", b"hello"])
def test_a_refused_connection_is_503(weir: StartWeir, body: bytes) -> None:
    served = weir(one_version(free_port()))
    with Connection(served.port) as client:
        reply = client.request("POST", "/", {}, body)
        assert (reply.status, reply["x-weir-reason"], reply.json()["error"]["code"]) == (503, "connect", "connect")
        assert reply["x-weir-version"] == "v1"
        # A body that nobody has read ends the connection; without one there is no reason to.
        assert client.at_end() if body else client.request("GET", "/").status == 503
    wait_for_outcomes(served, connect=1 if body else 2)


def test_an_origin_that_comes_back_is_used_again(weir: StartWeir, origin: StartOrigin) -> None:
    only = origin()
    served = weir(one_version(only))
    with Connection(served.port) as client:
        for _ in range(3):
            assert client.request("GET", "/").status == 200
            only.die()
            assert client.request("GET", "/").status in (502, 503)
            only.start()
            assert client.request("GET", "/").status == 200


def test_a_dead_endpoint_hurts_nobody_and_is_left_out(weir: StartWeir, origin: StartOrigin) -> None:
    alive = origin()
    plan = one_version(alive, workers=1)
    plan["services"]["chat"]["versions"]["v1"] = version(alive, free_port())
    served = weir(plan)

    def refusals() -> float:
        return metric(served, "weir_upstream_connect_failures_total")

    def asked_until_refused() -> bool:
        # A connection of its own upstream each time, or the pooled one would do for all.
        for method, body in (("GET", b""), ("POST", b"hello")):
            with Connection(served.port) as one, Connection(served.port) as other:
                one.send(request_bytes(method, "/drip/1/1", {}, body))
                assert other.request(method, "/close", {}, body).status == 200
                assert one.reply().status == 200
        return metric(served, "weir_upstream_ejections_total") == 1
    wait_until(asked_until_refused, "the dead endpoint is ejected", timeout_s=30)
    refused = refusals()
    assert refused in (5, 6)  # two may have been on their way together
    for _ in range(50):
        assert get(served.port, "/close").status == 200
    assert refusals() == refused and metric(served, "weir_upstream_ejections_total") == 1
    assert metric(served, "weir_upstream_retries_total") == refused
    classes = Exposition(served.admin.metrics()).labels("weir_requests_total", "class")
    assert sum(metric(served, "weir_requests_total", **{"class": name}) for name in classes - {"ok"}) == 0


def test_the_last_endpoint_is_never_left_out(weir: StartWeir, origin: StartOrigin) -> None:
    only = origin()
    served = weir(one_version(only, workers=1))
    only.die()
    for _ in range(12):
        assert get(served.port).status == 503
    assert metric(served, "weir_upstream_ejections_total") == 0
    only.start()
    assert get(served.port).status == 200


# Dying in the middle


@pytest.mark.parametrize("target", ["/half", "/drip/1000/20", "/bytes/1000000000"])
def test_an_origin_that_dies_inside_a_response_cuts_the_client(weir: StartWeir, origin: StartOrigin,
                                                               target: str) -> None:
    mortal = origin()
    served = weir(one_version(mortal))
    with Connection(served.port) as client:
        client.send(request_bytes("GET", target))
        assert client.head().status == 200
        assert client.read_some()
        mortal.die()
        with pytest.raises((Truncated, ConnectionResetError)):
            while not client.read_some().endswith(b"0\r\n\r\n"):
                pass
            pytest.fail("the response ended as if it were whole")
    wait_until(lambda: metric(served, "weir_requests_total") == 1, "the request is counted")
    assert metric(served, "weir_requests_total", **{"class": "ok"}) == 0


def test_an_origin_that_dies_while_it_thinks_is_502(weir: StartWeir, origin: StartOrigin) -> None:
    mortal = origin()
    served = weir(one_version(mortal))
    with Connection(served.port) as client:
        client.send(request_bytes("GET", "/hang"))
        wait_until(lambda: mortal.counts().waiting == 1, "the request is at the origin")
        mortal.die()
        reply = client.reply()
        assert reply.status == 502 and reply["x-weir-version"] == "v1" and reply["connection"] is None
    wait_for_outcomes(served, reset=1)
