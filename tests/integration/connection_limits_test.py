"""Versions and listeners that have as many connections as they may: who waits, who is refused, and what is counted."""
from __future__ import annotations

from typing import Callable

from http_client import Connection, get, request_bytes
from origin import Origin
from outcomes import metric, wait_for_outcomes
from plans import one_version, route
from polling import wait_until
from weir_harness import Weir

StartWeir = Callable[..., Weir]
StartOrigin = Callable[..., Origin]


def test_a_full_version_lets_wait_and_then_says_so(weir: StartWeir, origin: StartOrigin) -> None:
    only = origin()
    served = weir(one_version(only, workers=1, limits={"upstreamConnections": 1, "pending": 1}))
    with Connection(served.port) as first, Connection(served.port) as second:
        first.send(request_bytes("GET", "/hang"))
        wait_until(lambda: only.counts().waiting == 1, "the first has the only connection")
        second.send(request_bytes("GET", "/inspect"))
        wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the second waits for it")
        reply = get(served.port, "/third")
        assert (reply.status, reply["x-weir-reason"], reply["retry-after"]) == (503, "overflow", "1")
        assert reply.json()["error"]["code"] == "overflow" and reply["x-weir-version"] == "v1"
        wait_for_outcomes(served, capacity=1)
        first.reset()
        assert second.reply().status == 200
        wait_until(lambda: metric(served, "weir_requests_pending") == 0, "nobody waits")
    wait_for_outcomes(served, capacity=1, client_abort=1, ok=1)


def test_who_waits_in_vain_may_leave(weir: StartWeir, origin: StartOrigin) -> None:
    only = origin()
    served = weir(one_version(only, workers=1, limits={"upstreamConnections": 1, "pending": 1}))
    with Connection(served.port) as first, Connection(served.port) as second, Connection(served.port) as third:
        first.send(request_bytes("GET", "/hang"))
        wait_until(lambda: only.counts().waiting == 1, "the first has the only connection")
        second.send(request_bytes("GET", "/inspect"))
        wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the second waits for it")
        second.reset()
        wait_until(lambda: metric(served, "weir_requests_pending") == 0, "its place is free")
        third.send(request_bytes("GET", "/inspect"))
        wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the third waits in its place")
        first.reset()
        assert third.reply().status == 200
    assert only.counts().requests == 2
    wait_for_outcomes(served, client_abort=2, ok=1)


def test_who_waits_has_no_longer_than_its_whole_time(weir: StartWeir, origin: StartOrigin) -> None:
    only = origin()
    plan = one_version(only, workers=1, limits={"upstreamConnections": 1, "pending": 2})
    plan["routes"] = [{**route(timeouts={"total": "300ms"}), "match": {"pathPrefix": "/soon"}},
                      route()]
    served = weir(plan)
    with Connection(served.port) as first, Connection(served.port) as second, Connection(served.port) as third:
        first.send(request_bytes("GET", "/hang"))
        wait_until(lambda: only.counts().waiting == 1, "the first has the only connection")
        second.send(request_bytes("GET", "/leaves"))
        wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the second waits for it")
        reply = third.request("GET", "/soon")
        assert (reply.status, reply["x-weir-reason"]) == (504, "timeout")
        wait_for_outcomes(served, timeout=1)
        second.half_close()
        wait_until(lambda: metric(served, "weir_requests_pending") == 0, "nobody waits")
        wait_for_outcomes(served, timeout=1, client_abort=1)
    assert only.counts().requests == 1


def test_a_kept_connection_serves_those_who_wait(weir: StartWeir, origin: StartOrigin) -> None:
    only = origin()
    served = weir(one_version(only, workers=1, limits={"upstreamConnections": 2, "pending": 100}))
    clients = [Connection(served.port) for _ in range(30)]
    for client in clients:
        client.send(request_bytes("GET", "/drip/1/5"))
    for client in clients:
        assert client.reply().body == b"drop\n"
        client.close()
    assert only.counts().connections <= 2
    wait_for_outcomes(served, ok=30)


def test_a_listener_serves_as_many_connections_as_it_may(weir: StartWeir, origin: StartOrigin) -> None:
    served = weir(one_version(origin(), workers=1, limits={"connections": 2}))
    with Connection(served.port) as first, Connection(served.port) as second:
        assert first.request("GET", "/").status == second.request("GET", "/").status == 200
        with Connection(served.port) as third:
            reply = third.reply()
            assert (reply.status, reply["x-weir-reason"], reply["retry-after"]) == (503, "too_many_connections", "1")
            assert third.at_end()
        first.close()
        wait_until(lambda: metric(served, "weir_downstream_connections") == 1, "one has left")
        assert get(served.port).status == 200


def test_the_limit_is_the_listeners_whichever_worker_accepts(weir: StartWeir, origin: StartOrigin) -> None:
    served = weir(one_version(origin(), workers=2, limits={"connections": 4}))
    for _ in range(5):
        clients = [Connection(served.port) for _ in range(4)]
        assert [client.request("GET", "/").status for client in clients] == [200] * 4
        with Connection(served.port) as fifth:
            fifth.send(request_bytes("GET", "/"))
            reply = fifth.reply()
            assert (reply.status, reply["x-weir-reason"]) == (503, "too_many_connections")
            assert reply["x-request-id"] and reply["date"] and fifth.at_end()
        for client in clients:
            client.close()
        wait_until(lambda: metric(served, "weir_downstream_connections") == 0, "all have left")
