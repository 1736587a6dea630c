"""Limits of connections hold over a reload: what is open before it counts behind it."""
from __future__ import annotations

import contextlib
import threading
from typing import Any, Callable, Iterator

import pytest
from dns_server import DnsServer
from http_client import Connection, request_bytes
from origin import Origin
from outcomes import metric
from plans import Plan, one_version, route, version
from polling import wait_until
from ports import free_port
from raw_origin import Peer, RawOrigin
from weir_harness import Weir

StartWeir = Callable[..., Weir]
StartOrigin = Callable[..., Origin]


def plan(origin: Any, limits: Plan, **rest: Any) -> Plan:
    settings = {**version(origin), "outlier": "off", "limits": {"pending": 50, **limits}, **rest}
    return {**one_version(origin, workers=1), "services": {"chat": {"versions": {"v1": settings}}}}


@contextlib.contextmanager
def hanging(weir: Weir, count: int) -> Iterator[list[Connection]]:
    clients = [Connection(weir.port) for _ in range(count)]
    for client in clients:
        client.send(request_bytes("GET", "/hang"))
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def two_then_one_more(served: Weir, origin: Origin, after: Plan) -> None:
    """Two requests before the reload, one behind it: that one has to wait for one of them."""
    with hanging(served, 2) as clients:
        wait_until(lambda: origin.counts().waiting == 2, "two are under way")
        served.write(after)
        served.cli("reload")
        with Connection(served.port) as third:
            third.send(request_bytes("GET", "/"))
            wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the third waits")
            clients[0].close()
            assert third.reply().status == 200
        assert origin.counts().waiting == 1
    assert origin.counts().connections == 3


CHANGES: dict[str, Plan] = {"balancing": {"loadBalancing": {"policy": "roundRobin"}},
                            "slow start": {"loadBalancing": {"slowStart": "1s"}},
                            "outlier": {"outlier": {"consecutiveFailures": 9}}}


@pytest.mark.parametrize("limit", ["upstreamConnections", "endpointConnections"])
@pytest.mark.parametrize("change", [*CHANGES, "pending"])
def test_a_change_of_rules_forgets_no_connection(limit: str, change: str, weir: StartWeir, origin: StartOrigin) -> None:
    one = origin()
    limits = {limit: 2}
    pending = {"pending": 40} if change == "pending" else {}
    served = weir(plan(one, limits))
    two_then_one_more(served, one, plan(one, {**limits, **pending}, **CHANGES.get(change, {})))


def test_nor_does_a_change_of_what_a_route_may_hold(weir: StartWeir, origin: StartOrigin) -> None:
    one = origin()
    routes = [route(limits={"upstreamConnections": 2, "pending": 50})]
    served = weir({**plan(one, {}), "routes": routes})
    two_then_one_more(served, one, {**plan(one, {}, **CHANGES["balancing"]), "routes": routes})


def test_a_version_that_comes_back_finds_what_it_left(weir: StartWeir, origin: StartOrigin) -> None:
    one, other = origin("v1"), origin("v2")
    both = plan(one, {"upstreamConnections": 2})
    without = {**one_version(other, workers=1), "services": {"chat": {"versions": {"v2": version(other)}}}}
    served = weir(both)
    with hanging(served, 2) as clients:
        wait_until(lambda: one.counts().waiting == 2, "two are under way")
        for next_plan in (without, both):
            served.write(next_plan)
            served.cli("reload")
        with Connection(served.port) as third:
            third.send(request_bytes("GET", "/"))
            wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the third waits")
            clients[0].close()
            assert third.reply().status == 200


def test_a_lower_limit_is_kept_as_soon_as_connections_are_given_back(weir: StartWeir) -> None:
    def serve(peer: Peer) -> None:
        while peer.request():
            go_on.wait(30)
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    go_on = threading.Event()
    with RawOrigin(serve) as one:
        served = weir(plan(one, {"upstreamConnections": 4}))
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Connection(served.port)) for _ in range(4)]
            for client in clients:
                client.send(request_bytes("GET", "/"))
            wait_until(lambda: len(one.heads) == 4, "four are under way")
            served.write(plan(one, {"upstreamConnections": 1}))
            served.cli("reload")
            go_on.set()
            assert [client.reply().status for client in clients] == [200] * 4
            wait_until(lambda: one.open == 1, "three of the four are closed")


def test_an_address_that_leaves_a_name_counts_until_it_is_done(weir: StartWeir) -> None:
    port = free_port()

    def hang(peer: Peer) -> None:
        peer.request()
        peer.wait_for_close()

    def answer(peer: Peer) -> None:
        while peer.request():
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    with DnsServer() as dns, RawOrigin(hang, at=("127.0.0.2", port)) as old, RawOrigin(answer, at=("127.0.0.3", port)) as new:
        dns.set("model.test", "127.0.0.2")
        settings = {"endpoints": [f"http://model.test:{port}"], "limits": {"upstreamConnections": 2, "pending": 50}}
        served = weir({**one_version(0, workers=1, dns={"servers": [dns.address], "minTtl": "100ms", "maxTtl": "100ms"}),
                       "services": {"chat": {"versions": {"v1": settings}}}})
        with hanging(served, 2) as clients:
            wait_until(lambda: len(old.heads) == 2, "two are under way")
            dns.set("model.test", "127.0.0.3")
            wait_until(lambda: "127.0.0.3" in served.admin.metrics(), "the other address is known")
            with Connection(served.port) as third:
                third.send(request_bytes("GET", "/"))
                wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the third waits")
                assert not new.heads
                clients[0].close()
                assert third.reply().status == 200
