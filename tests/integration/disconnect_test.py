"""A client that goes away ends what is done for it, in every phase of a request; the version is not blamed.

It goes by a reset or by an orderly end: what a program does that closes its socket, be it killed or out of patience.
"""
from __future__ import annotations

import threading
from typing import Callable

import pytest
from http_client import Connection, request_bytes
from outcomes import metric, wait_for_outcomes
from plans import one_version
from polling import wait_until
from ports import free_port, unanswering_port
from raw_origin import Peer, RawOrigin
from weir_harness import Weir

StartWeir = Callable[..., Weir]
Goes = Callable[[Connection], None]

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"


class Watched:
    """An origin that says how many of its connections the weir has closed by itself."""

    def __init__(self, say: bytes = b""):
        self.closed = 0
        self._say = say

    def serve(self, peer: Peer) -> None:
        if not peer.request():
            return
        peer.send(self._say)
        try:
            peer.wait_for_close()
        finally:  # a reset is one too
            self.closed += 1


@pytest.fixture(name="goes", params=[Connection.reset, Connection.half_close], ids=["reset", "end"])
def _goes(request: pytest.FixtureRequest) -> Goes:
    """How a client goes away. `half_close` sends what the end of a process sends that has read all there was."""
    goes: Goes = request.param
    return goes


def leave(client: Connection, served: Weir, goes: Goes) -> None:
    goes(client)
    wait_until(lambda: metric(served, "weir_requests_active") == 0, "the request is given up")
    wait_until(lambda: metric(served, "weir_upstream_connections") == 0, "its connection is too")


@pytest.mark.parametrize("body", [0, 10_000, 60_000])
def test_while_queued(weir: StartWeir, goes: Goes, body: int) -> None:
    """Its end stands behind a body that nobody has room for yet."""
    watched = Watched()
    with RawOrigin(watched.serve) as origin:
        served = weir(one_version(origin, workers=1, limits={"upstreamConnections": 1}))
        with Connection(served.port) as first, Connection(served.port) as queued:
            first.send(request_bytes("GET", "/first"))
            wait_until(lambda: len(origin.heads) == 1, "one is at the origin")
            queued.send(request_bytes("POST", "/queued", {}, b"b" * body))
            wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the other waits for a connection")
            goes(queued)
            wait_until(lambda: metric(served, "weir_requests_pending") == 0, "nobody waits any more")
            wait_for_outcomes(served, client_abort=1)
            assert len(origin.heads) == 1 and watched.closed == 0
            leave(first, served, goes)


def test_while_connecting(weir: StartWeir, goes: Goes) -> None:
    with unanswering_port() as port:
        served = weir(one_version(port, workers=1, timeouts={"connect": "1h"}))
        with Connection(served.port) as client:
            client.send(request_bytes("GET", "/"))
            wait_until(lambda: metric(served, "weir_upstream_connections") == 1, "a connection is being opened")
            leave(client, served, goes)
        wait_for_outcomes(served, client_abort=1)


def left_at(weir: StartWeir, goes: Goes, request: bytes, say: bytes = b"") -> None:
    """Behind what the origin says, if that is anything."""
    watched = Watched(say)
    with RawOrigin(watched.serve) as origin:
        served = weir(one_version(origin, workers=1))
        with Connection(served.port) as client:
            client.send(request)
            wait_until(lambda: len(origin.heads) == 1, "the request is at the origin")
            if say:
                client.head()
            leave(client, served, goes)
        wait_until(lambda: watched.closed == 1, "the origin knows")
        wait_for_outcomes(served, client_abort=1)


def test_before_headers(weir: StartWeir, goes: Goes) -> None:
    left_at(weir, goes, request_bytes("GET", "/"))


@pytest.mark.parametrize("size", [4096, 8192])
def test_a_request_that_fills_a_buffer(weir: StartWeir, goes: Goes, size: int) -> None:
    """Nothing more can be read behind it, and its end is seen all the same."""
    for body in (b"", b"b" * 1000):
        bare = len(request_bytes("POST", "/", {"X-Pad": ""}, body))
        request = request_bytes("POST", "/", {"X-Pad": "x" * (size - bare)}, body)
        assert len(request) == size
        left_at(weir, goes, request)


def test_mid_body(weir: StartWeir, goes: Goes) -> None:
    left_at(weir, goes, request_bytes("GET", "/"), _HEAD + b"some of it")


def test_a_request_that_is_not_streamed(weir: StartWeir, goes: Goes) -> None:
    """The whole of it is at the origin, and its answer will come in one piece."""
    left_at(weir, goes, request_bytes("POST", "/v1/chat", {}, b"{" + b" " * 10_000 + b"}"))


def test_a_reset_behind_an_end_that_finishes(weir: StartWeir) -> None:
    """Who sends no more and waits for the answer may go away all the same."""
    go_on = threading.Event()

    def serve(peer: Peer) -> None:
        if peer.request():
            peer.send(_HEAD + b"some")
            go_on.wait()
            peer.send(b"more")
            peer.wait_for_close()

    with RawOrigin(serve) as origin:
        plan = one_version(origin, workers=1)
        plan["routes"][0]["onClientHalfClose"] = "finish"
        served = weir(plan)
        with Connection(served.port) as client:
            client.send(request_bytes("GET", "/"))
            client.head()
            assert client.read_some() == b"some"
            client.half_close()
            go_on.set()
            assert client.read_some() == b"more"
            leave(client, served, Connection.reset)
        wait_for_outcomes(served, client_abort=1)


def test_during_a_back_off(weir: StartWeir, goes: Goes) -> None:
    """No endpoint could be reached yet, so nothing is known of the version."""
    served = weir(one_version(free_port(), workers=1, retries={"attempts": 10}))
    for count in range(1, 6):
        with Connection(served.port) as client:
            before = metric(served, "weir_upstream_connect_failures_total")
            client.send(request_bytes("GET", "/"))
            wait_until(lambda: metric(served, "weir_upstream_connect_failures_total") >= before + 3, "it is retried")
            leave(client, served, goes)
        wait_until(lambda: metric(served, "weir_requests_total") == count, "it is counted")
        assert metric(served, "weir_requests_total", **{"class": "client_abort"}) == count
    assert metric(served, "weir_upstream_connect_failures_total") < 5 * 11
