"""Connections to origins that were kept too long: no client notices, and nothing is done twice."""
from __future__ import annotations

import threading
from typing import Callable

import pytest
from http_client import Connection, get
from load import Load
from origin import Origin
from outcomes import metric, wait_for_outcomes
from plans import one_version
from polling import wait_until
from raw_origin import Peer, RawOrigin, always, once
from weir_harness import Weir

StartWeir = Callable[..., Weir]
StartOrigin = Callable[..., Origin]

_EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def answers_once(say: Callable[[Peer], None]) -> Callable[[Peer], None]:
    """Each connection answers once, and does so to the next request."""
    def serve(peer: Peer) -> None:
        if peer.request():
            peer.send(_EMPTY)
            if peer.head():
                say(peer)
    return serve


def targets(origin: RawOrigin) -> list[str]:
    return [head.split(b" ")[1].decode() for head in origin.heads]


_ENDS = pytest.mark.parametrize("end", [Peer.reset, lambda peer: None], ids=["reset", "close"])


@_ENDS
def test_a_stale_connection_is_nobodys_business(weir: StartWeir, end: Callable[[Peer], None]) -> None:
    repeatable = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]
    with RawOrigin(answers_once(end)) as origin:
        served = weir(one_version(origin, workers=1))
        with Connection(served.port) as client:
            assert client.request("GET", "/first").status == 200
            for method in repeatable:
                assert client.request(method, f"/{method}").status == 200
            assert client.request("PUT", "/body", {}, b"hello").status == 200
        # Once on the connection that broke, once more on a fresh one.
        assert targets(origin) == ["/first"] + [f"/{name}" for name in [*repeatable, "body"] for _ in range(2)]
        assert metric(served, "weir_upstream_stale_total") == 1 + len(repeatable)
        assert metric(served, "weir_upstream_retries_total") == 0
        wait_for_outcomes(served, ok=2 + len(repeatable))


@_ENDS
def test_what_may_have_been_done_is_not_done_again(weir: StartWeir, end: Callable[[Peer], None]) -> None:
    unrepeatable = [("POST", b"hello"), ("POST", b""), ("PATCH", b"hello"), ("POST", b"b" * 100_000)]
    with RawOrigin(answers_once(end)) as origin:
        served = weir(one_version(origin, workers=1))
        for method, body in unrepeatable:
            with Connection(served.port) as client:
                assert client.request("GET", "/first").status == 200
                assert client.request(method, "/second", {}, body).status in (502, 503)
        assert targets(origin) == ["/first", "/second"] * len(unrepeatable)
        assert metric(served, "weir_upstream_stale_total") == 0
        wait_for_outcomes(served, ok=len(unrepeatable), reset=len(unrepeatable))


@_ENDS
@pytest.mark.parametrize("framing,body", [("Content-Length: 5", b"hello"),
                                          ("Transfer-Encoding: chunked", b"0\r\n\r\n")], ids=["length", "chunks"])
def test_a_request_whose_body_is_awaited_is_sent_again_as_it_was(weir: StartWeir, end: Callable[[Peer], None],
                                                                  framing: str, body: bytes) -> None:
    """Its head must not have made room for the body: whatever stood there by now would be another client's."""
    broken = threading.Event()
    bodies = []

    def serve(peer: Peer) -> None:
        if not peer.head():
            return
        if broken.is_set():
            bodies.append(peer.body(len(body)))
        peer.send(_EMPTY)
        if peer.head():
            assert broken.wait(30)
            end(peer)
    with RawOrigin(serve) as origin:
        served = weir(one_version(origin, workers=1))
        with Connection(served.port) as client, Connection(served.port) as other:
            assert client.request("GET", "/first").status == 200
            client.send(f"PUT /mine HTTP/1.1\r\nHost: weir.test\r\n{framing}\r\n\r\n".encode())
            wait_until(lambda: len(origin.heads) == 2, "the head is at the origin")
            assert other.request("GET", "/another", {"Cookie": "session=secret"}).status == 200
            broken.set()
            wait_until(lambda: len(origin.heads) == 4, "the head is at the origin once more")
            assert origin.heads[3] == origin.heads[1]
            client.send(body)
            assert client.reply().status == 200
        assert targets(origin) == ["/first", "/mine", "/another", "/mine"] and bodies == [body]
        wait_for_outcomes(served, ok=3)


def test_an_empty_body_in_chunks_is_not_lost(weir: StartWeir) -> None:
    """On the second way out it has its end too."""
    ends = []

    def serve(peer: Peer) -> None:
        for head in iter(peer.head, b""):
            if b" /mine " in head:
                ends.append(peer.body(5))
            if peer.number == 1 and b" /mine " in head:
                return
            peer.send(_EMPTY)
    with RawOrigin(serve) as origin:
        served = weir(one_version(origin, workers=1))
        with Connection(served.port) as client:
            assert client.request("GET", "/first").status == 200
            client.send(b"PUT /mine HTTP/1.1\r\nHost: weir.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
            assert client.reply().status == 200
        assert targets(origin) == ["/first", "/mine", "/mine"] and ends == [b"0\r\n\r\n"] * 2


def test_a_fresh_connection_that_breaks_is_not_tried_again(weir: StartWeir) -> None:
    def serve(peer: Peer) -> None:
        peer.head()
        peer.reset()
    with RawOrigin(serve) as origin:
        served = weir(one_version(origin))
        assert get(served.port).status == 502
        assert len(origin.heads) == 1
        wait_for_outcomes(served, reset=1)


def test_a_stale_connection_that_has_said_something_is_not_retried(weir: StartWeir) -> None:
    def half(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 200 O")
    with RawOrigin(answers_once(half)) as origin:
        served = weir(one_version(origin, workers=1))
        with Connection(served.port) as client:
            assert client.request("GET", "/first").status == 200
            assert client.request("GET", "/second").status == 502
        assert len(origin.heads) == 2


def test_an_origin_that_restarts_between_requests_is_not_noticed(weir: StartWeir, origin: StartOrigin) -> None:
    mortal = origin()
    served = weir(one_version(mortal))
    with Connection(served.port) as client:
        for method, body in (("GET", b""), ("POST", b"hello"), ("GET", b""), ("PUT", b"hello")):
            assert client.request(method, "/", {}, body).status == 200
            mortal.die()
            wait_until(lambda: metric(served, "weir_upstream_connections") == 0, "the weir has let go of it")
            mortal.start()
            assert client.request(method, "/", {}, body).status == 200


def test_an_origin_that_soon_closes_idle_connections_costs_nothing(weir: StartWeir, origin: StartOrigin) -> None:
    hasty = origin(idle_close_s=0.01)
    served = weir(one_version(hasty))
    with Load(served.port, rate=200, connections=8) as load:
        wait_until(lambda: load.tally().answered > 1000, "a thousand requests are answered", timeout_s=60)
        tally = load.stop()
    assert tally.by_status == {"200": tally.begun} and tally.broken == 0, tally.errors
    assert hasty.counts().connections > 20  # or nothing was tried


def test_an_origin_says_how_long_it_waits(weir: StartWeir) -> None:
    """Nothing is asked in its last second, so one that waits for a second is asked once a connection."""
    with RawOrigin(always(b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 0\r\n\r\n")) as origin:
        with Connection(weir(one_version(origin)).port) as client:
            for _ in range(5):
                assert client.request("GET", "/").status == 200
        assert origin.connections == 5


def test_an_unused_connection_is_closed(weir: StartWeir, origin: StartOrigin) -> None:
    only = origin()
    served = weir(one_version(only, timeouts={"upstreamIdle": "200ms"}))
    assert get(served.port).status == 200
    wait_until(lambda: only.counts().open == 0, "the idle connection is closed")
    assert get(served.port).status == 200 and only.counts().connections == 2


def test_an_origin_that_closes_each_connection_serves_all(weir: StartWeir) -> None:
    with RawOrigin(once(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")) as origin:
        served = weir(one_version(origin))
        for _ in range(30):
            assert get(served.port).body == b"ok"
        wait_for_outcomes(served, ok=30)
