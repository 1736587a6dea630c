"""Limits of single endpoints, endpoints that begin slowly, and what is told of each."""
from __future__ import annotations

import collections
from typing import Any, Callable

from exposition import Exposition
from http_client import Connection, get, request_bytes
from origin import Origin
from outcomes import metric, wait_for_outcomes
from plans import Plan, one_version, version
from polling import wait_until
from ports import free_port
from raw_origin import Peer, RawOrigin, always
from weir_harness import Weir

StartWeir = Callable[..., Weir]
StartOrigin = Callable[..., Origin]


def endpoints(*origins: Any, top: Plan | None = None, **rest: Any) -> Plan:
    """One version at these origins, with these keys, and one worker."""
    plan = {**one_version(origins[0], workers=1), **(top or {})}
    plan["services"]["chat"]["versions"]["v1"] = {**version(*origins), **rest}
    return plan


def of_endpoint(weir: Weir, name: str, origin: Any) -> float:
    return metric(weir, f"weir_upstream_endpoint_{name}", service="chat", version="v1",
                  endpoint=f"http://127.0.0.1:{origin.port}")


# Limits


def test_an_endpoint_gets_no_more_connections_than_it_may(weir: StartWeir, origin: StartOrigin) -> None:
    slow, free = origin("slow"), origin("free")
    served = weir(endpoints(slow, free, loadBalancing={"policy": "hash", "by": [{"header": "x-key"}], "maxLoad": "1000%"},
                            top={"limits": {"endpointConnections": 2}}))
    # A key of the slow one's.
    key = next(f"k{i}" for i in range(100) if get(served.port, "/", {"x-key": f"k{i}"})["x-origin"] == "slow")
    clients = [Connection(served.port) for _ in range(4)]
    for client in clients:
        client.send(request_bytes("GET", "/hang", {"x-key": key}))
    wait_until(lambda: slow.counts().waiting == 2 and free.counts().waiting == 2, "both are full")
    with Connection(served.port) as fifth:
        fifth.send(request_bytes("GET", "/", {"x-key": key}))
        wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the fifth waits")
        clients.pop().close()
        assert fifth.reply().status == 200
    assert slow.counts().open <= 2 and free.counts().open <= 2
    for client in clients:
        client.close()


def test_more_than_may_wait_are_503_overflow(weir: StartWeir, origin: StartOrigin) -> None:
    served = weir(endpoints(origin(), top={"limits": {"endpointConnections": 1, "endpointPending": 1}}))
    with Connection(served.port) as first, Connection(served.port) as second:
        first.send(request_bytes("GET", "/hang"))
        wait_until(lambda: metric(served, "weir_upstream_endpoint_requests_active") == 1, "the first is under way")
        second.send(request_bytes("GET", "/"))
        wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the second waits")
        reply = get(served.port)
        assert (reply.status, reply["x-weir-reason"]) == (503, "overflow")
        wait_for_outcomes(served, capacity=1)
        first.close()
        assert second.reply().status == 200


# Slow start


def test_an_endpoint_that_joins_begins_slowly(weir: StartWeir, origin: StartOrigin) -> None:
    first, second = origin("a"), origin("b")
    settings = {"loadBalancing": {"policy": "roundRobin", "slowStart": "1h"}}
    served = weir(endpoints(first, **settings))
    served.write(endpoints(first, second, **settings))
    served.cli("reload")
    takers = collections.Counter(get(served.port)["x-origin"] for _ in range(200))
    assert 0 < takers["b"] < 50, takers  # a tenth of its half


def test_endpoints_that_join_together_begin_slowly(weir: StartWeir, origin: StartOrigin) -> None:
    first, second, third = origin("a"), origin("b"), origin("c")
    settings = {"loadBalancing": {"slowStart": "1h"}}
    served = weir(endpoints(first, **settings))
    served.write(endpoints(first, second, third, **settings))
    served.cli("reload")
    takers = collections.Counter(get(served.port)["x-origin"] for _ in range(300))
    assert 0 < takers["b"] + takers["c"] < 75, takers  # a tenth of their two thirds


def test_an_endpoint_that_comes_back_begins_slowly(weir: StartWeir, origin: StartOrigin) -> None:
    first, second = origin("a"), origin("b")
    settings = {"loadBalancing": {"policy": "roundRobin", "slowStart": "1h"}}
    served = weir(endpoints(first, second, **settings))
    for origins in ([first], [first, second]):
        served.write(endpoints(*origins, **settings))
        served.cli("reload")
    takers = collections.Counter(get(served.port)["x-origin"] for _ in range(200))
    assert 0 < takers["b"] < 50, takers


# Figures


def test_each_endpoint_has_its_own_figures(weir: StartWeir, origin: StartOrigin) -> None:
    def reset(peer: Peer) -> None:
        peer.request()
        peer.reset()
    good, dead = origin("good"), free_port()
    failing = always(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
    with RawOrigin(reset) as resetting, RawOrigin(failing) as unavailable:
        served = weir(endpoints(good, resetting, unavailable, dead, outlier="off",
                                loadBalancing={"policy": "roundRobin"}, top={"timeouts": {"upstreamIdle": "60s"}}))
        for _ in range(10):
            with Connection(served.port) as client:
                client.request("POST", "/", {"Connection": "close"}, b"x")
        for one, name in ((resetting, "resets"), (unavailable, "gateway_errors")):
            assert of_endpoint(served, f"{name}_total", one) == of_endpoint(served, "requests_total", one) >= 2
        failures = Exposition(served.admin.metrics()).total("weir_upstream_endpoint_connect_failures_total",
                                                            endpoint=f"http://127.0.0.1:{dead}")
        assert failures >= 1
        # What the dead one could not take went to another.
        requests = sum(of_endpoint(served, "requests_total", one) for one in (good, resetting, unavailable))
        assert requests == 10
        for one in (good, resetting, unavailable):
            assert of_endpoint(served, "requests_active", one) == 0
            assert of_endpoint(served, "healthy", one) == 1
            assert of_endpoint(served, "ejections_total", one) == 0
        # The good one stands behind the dead one, and has its turns all the same. What it did for the dead one went over
        # connections of its own, and all are kept.
        assert of_endpoint(served, "requests_total", good) >= 2
        assert of_endpoint(served, "connections", good) >= 1
        assert of_endpoint(served, "resets_total", good) == 0


def test_a_response_that_does_not_begin_in_time_is_counted(weir: StartWeir) -> None:
    def hang(peer: Peer) -> None:
        peer.request()
        peer.wait_for_close()
    with RawOrigin(hang) as hanging:
        served = weir(endpoints(hanging, top={"timeouts": {"responseHeader": "100ms"}}))
        assert get(served.port).status == 504
        assert of_endpoint(served, "timeouts_total", hanging) == of_endpoint(served, "requests_total", hanging) == 1
        assert of_endpoint(served, "connections", hanging) == 0


def test_an_endpoint_that_is_gone_is_told_of_no_more(weir: StartWeir, origin: StartOrigin) -> None:
    first, second = origin("a"), origin("b")
    served = weir(endpoints(first, second))
    assert "weir_upstream_endpoint_requests_total" in Exposition(served.admin.metrics())
    served.write(endpoints(first))
    served.cli("reload")
    known = Exposition(served.admin.metrics()).labels("weir_upstream_endpoint_requests_total", "endpoint")
    assert known == {f"http://127.0.0.1:{first.port}"}
