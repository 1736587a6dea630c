"""Each row of docs/http.md, "Timeouts and limits": what happens when it is reached, and that the inner place wins: a route
over its listener, a listener over the file. The values are short ones; the defaults themselves are the reference page's."""
from __future__ import annotations

import re
import select
import threading
from typing import Callable, Iterator

import pytest
from byte_origin import OK, ByteOrigin
from http_client import Connection, Truncated, request_bytes
from outcomes import metric, wait_for_outcomes
from plans import Plan, one_version, route
from polling import wait_until
from ports import free_port, unanswering_port
from raw_origin import Peer, RawOrigin
from serving import running_weir
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_KIB = 1024
_SHORT = "300ms"
_LONG = "1h"


def on_route(origin: RawOrigin, **inner: Plan) -> Plan:
    """The file says an hour, or next to nothing; the route /inner says otherwise."""
    outer = {"timeouts": {name: _LONG for name in inner.get("timeouts", {})},
             "limits": {name: "64B" for name in inner.get("limits", {})}}
    plan = one_version(origin, **{name: values for name, values in outer.items() if values})
    return {**plan, "routes": [route(prefix="/inner", **inner), route()]}


class TwoListeners:
    """The same plan behind the file's values and behind a listener's own."""

    def __init__(self, start: StartWeir, origin: RawOrigin, outer: Plan, inner: Plan):
        self.inner_port = free_port()
        self.weir = start({**one_version(origin), **outer})
        listeners = [{"address": f"127.0.0.1:{self.weir.port}"}, {"address": f"127.0.0.1:{self.inner_port}", **inner}]
        self.weir.write({**self.weir.plan, "listeners": listeners})
        assert self.weir.admin.post("reload")[0] == 200


def hangs(peer: Peer) -> None:
    """Reads the head and says nothing."""
    peer.head()
    peer.wait_for_close()


@pytest.fixture(name="origin")
def _origin() -> Iterator[ByteOrigin]:
    with ByteOrigin() as origin:
        yield origin


def test_default_header_deadline(weir: StartWeir, origin: ByteOrigin) -> None:
    both = TwoListeners(weir, origin, {"timeouts": {"header": _LONG}}, {"timeouts": {"header": _SHORT}})
    with Connection(both.inner_port) as client:
        client.send(b"GET / HTTP/1.1\r\nHos")
        reply = client.reply()
        assert (reply.status, reply["connection"]) == (408, "close") and client.at_end()
    assert not origin.requests


def test_default_body_progress(weir: StartWeir) -> None:
    with RawOrigin(hangs) as origin:
        served = weir(on_route(origin, timeouts={"bodyIdle": _SHORT}))
        with Connection(served.port) as client:
            client.send(request_bytes("POST", "/inner", {"Content-Length": "5"}) + b"he")
            assert client.reply().status == 408 and client.at_end()
        wait_until(lambda: origin.open == 0, "upstream is cancelled")


def test_default_keep_alive_idle(weir: StartWeir, origin: ByteOrigin) -> None:
    both = TwoListeners(weir, origin, {"timeouts": {"keepAlive": _LONG}}, {"timeouts": {"keepAlive": _SHORT}})
    with Connection(both.inner_port) as client:
        assert client.request("GET", "/").status == 200
        assert client.at_end()


@pytest.mark.parametrize("inner", ["route", "listener"])
def test_default_upstream_connect(weir: StartWeir, inner: str) -> None:
    with unanswering_port() as port:
        outer, short = {"timeouts": {"connect": _LONG}}, {"timeouts": {"connect": _SHORT}}
        plan = {**one_version(port, **outer), "retries": {"attempts": 0}}
        if inner == "route":
            at = weir({**plan, "routes": [route(prefix="/inner", **short), route()]}).port
        else:
            at = free_port()
            weir({**plan, "listeners": [{"address": f"127.0.0.1:{at}", **short}]})
        with Connection(at) as client:
            reply = client.request("GET", "/inner")
            assert reply.status == 503 and (reply["x-weir-reason"] or "").startswith("connect")


def test_default_upstream_idle(weir: StartWeir, origin: ByteOrigin) -> None:
    served = weir(on_route(origin, timeouts={"upstreamIdle": _SHORT}))
    with Connection(served.port) as client:
        assert client.request("GET", "/inner").status == 200
        wait_until(lambda: origin.open == 0, "the unused connection is closed by us")
        assert client.request("GET", "/").status == 200  # on a connection that is kept for an hour
        assert origin.open == 1


def test_default_upstream_idle_obeys_the_origin(weir: StartWeir, origin: ByteOrigin) -> None:
    origin.answer = OK.replace(b"\r\n", b"\r\nkeep-alive: timeout=1\r\n", 1)
    served = weir(one_version(origin, timeouts={"upstreamIdle": _LONG}))
    with Connection(served.port) as client:
        assert client.request("GET", "/").status == 200
        wait_until(lambda: origin.open == 0, "the connection is closed before its origin does")


def test_default_response_header(weir: StartWeir) -> None:
    with RawOrigin(hangs) as origin:
        served = weir(on_route(origin, timeouts={"responseHeader": _SHORT}))
        with Connection(served.port) as client:
            reply = client.request("GET", "/inner")
            assert (reply.status, reply["x-weir-reason"]) == (504, "timeout")
        wait_until(lambda: origin.open == 0, "upstream is cancelled")


def test_default_response_header_waits_for_no_interim_response(weir: StartWeir) -> None:
    def hints(peer: Peer) -> None:
        peer.head()
        while True:  # until the weir closes
            peer.send(b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n")
            if select.select([peer.socket], [], [], 0.02)[0]:
                break
    with RawOrigin(hints) as origin:
        served = weir(on_route(origin, timeouts={"responseHeader": _SHORT}))
        with Connection(served.port) as client:
            client.send(request_bytes("GET", "/inner"))
            wait_until(lambda: origin.heads and origin.open == 0, "upstream is cancelled")
        wait_for_outcomes(served, timeout=1)


def test_default_response_progress(weir: StartWeir) -> None:
    def stops(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
        peer.wait_for_close()
    with RawOrigin(stops) as origin:
        served = weir(on_route(origin, timeouts={"responseIdle": _SHORT}))
        with Connection(served.port) as client, pytest.raises((Truncated, ConnectionResetError)):
            client.request("GET", "/inner")
        wait_until(lambda: metric(served, "weir_requests_total", **{"class": "timeout"}) == 1, "it is a timeout")


def test_default_total_request(weir: StartWeir) -> None:
    with RawOrigin(hangs) as origin:
        served = weir(on_route(origin, timeouts={"total": _SHORT}))
        with Connection(served.port) as client:
            assert client.request("GET", "/inner").status == 504


@pytest.mark.parametrize("limit, head, status", [
    ({"requestLine": "100B"}, b"GET /" + b"a" * 100 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ({"field": "100B"}, b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 100 + b"\r\n\r\n", 431),
    ({"fields": "100B"}, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: aaaaaaaaaa\r\n" * 10 + b"\r\n", 431),
    ({"fieldCount": 5}, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 5 + b"\r\n", 431),
])
def test_default_request_line_and_fields(weir: StartWeir, origin: ByteOrigin, limit: Plan, head: bytes, status: int) -> None:
    both = TwoListeners(weir, origin, {}, {"limits": limit})
    for port, expected in ((both.weir.port, 200), (both.inner_port, status)):
        with Connection(port) as client:
            client.send(head)
            assert client.reply().status == expected
    assert len(origin.requests) == 1


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nx-a: " + b"a" * 5000 + b"\r\ncontent-length: 0\r\n\r\n",
                                    b"HTTP/1.1 200 OK\r\n" + b"x: 1\r\n" * 50 + b"content-length: 0\r\n\r\n"])
def test_default_response_fields(weir: StartWeir, origin: ByteOrigin, answer: bytes) -> None:
    origin.answer = answer
    plan = {**one_version(origin, limits={"responseFields": "4KiB", "responseFieldCount": 40}),
            "routes": [route(prefix="/inner", limits={"responseFields": "80KiB", "responseFieldCount": 200}), route()]}
    served = weir(plan)
    with Connection(served.port) as client:
        assert client.request("GET", "/inner").status == 200
        assert client.request("GET", "/").status == 502


def test_default_request_body(weir: StartWeir, origin: ByteOrigin) -> None:
    served = weir(on_route(origin, limits={"body": "1KiB"}))
    for path, size, status in (("/inner", 1024, 200), ("/inner", 1025, 413), ("/", 64, 200), ("/", 65, 413)):
        with Connection(served.port) as client:
            assert client.request("POST", path, body=b"b" * size).status == status
    assert len(origin.requests) == 2


def test_default_buffer_stops_reading(weir: StartWeir) -> None:
    sent = 0

    def floods(peer: Peer) -> None:
        nonlocal sent
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.send(b"f" * 65536)
            sent += 65536
    with RawOrigin(floods) as origin:
        served = weir({**one_version(origin, limits={"buffer": "1MiB"}),
                       "routes": [route(prefix="/inner", limits={"buffer": "16KiB"}), route()]})
        with Connection(served.port, receive_buffer=4096) as client:
            client.send(request_bytes("GET", "/inner"))
            assert client.head().status == 200
            seen = -1

            def stands() -> bool:
                nonlocal seen
                before, seen = seen, sent
                return before == seen
            wait_until(stands, "the origin is no longer read")
            assert metric(served, "weir_buffer_bytes") <= 64 * _KIB


def test_default_buffer_stops_reading_an_upload(weir: StartWeir) -> None:
    over = threading.Event()

    def takes_nothing(peer: Peer) -> None:
        peer.head()
        over.wait(30)
    with RawOrigin(takes_nothing) as origin:
        served = weir({**one_version(origin, limits={"buffer": "1MiB"}),
                       "routes": [route(prefix="/inner", limits={"buffer": "16KiB"}), route()]})
        for path, at_least, at_most in (("/inner", 0, 64 * _KIB), ("/", 512 * _KIB, 2048 * _KIB)):
            with Connection(served.port) as client:
                client.send(request_bytes("POST", path, {"Content-Length": str(64 * 1024 * _KIB)}))
                client.socket.setblocking(False)

                def stands() -> bool:
                    _, writable, _ = select.select([], [client.socket], [], 0.3)
                    if writable:
                        client.socket.send(b"u" * 65536)
                    return not writable
                wait_until(stands, "the client is no longer read")
                assert at_least <= metric(served, "weir_buffer_bytes") <= at_most
                client.reset()
            wait_until(lambda: metric(served, "weir_requests_active") == 0, "the client has left")
        over.set()


def test_default_connections_per_listener(weir: StartWeir, origin: ByteOrigin) -> None:
    both = TwoListeners(weir, origin, {"limits": {"connections": 100}}, {"limits": {"connections": 1}})
    with Connection(both.inner_port) as first:
        assert first.request("GET", "/").status == 200  # before the second one: they may be two workers'
        with Connection(both.inner_port) as second:
            reply = second.reply()
            assert (reply.status, reply["retry-after"]) == (503, "1")
        with Connection(both.weir.port) as other:
            assert other.request("GET", "/").status == 200


def test_default_connections_per_version(weir: StartWeir) -> None:
    with RawOrigin(hangs) as origin:
        served = weir(one_version(origin, workers=1, limits={"upstreamConnections": 1, "pending": 1}))
        with Connection(served.port) as first, Connection(served.port) as second, Connection(served.port) as third:
            first.send(request_bytes("GET", "/"))
            wait_until(lambda: origin.open == 1, "the first has the only connection")
            second.send(request_bytes("GET", "/"))
            wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the second waits")
            reply = third.request("GET", "/")
            assert (reply.status, reply["x-weir-reason"]) == (503, "overflow")


def test_default_path_policy(weir: StartWeir, origin: ByteOrigin) -> None:
    kept = weir(one_version(origin))
    with Connection(kept.port) as client:
        assert client.request("GET", "/a//b%2fc").status == 200
    assert re.match(rb"GET /a//b%2fc HTTP/1\.1\r\n", origin.requests[-1])
    strict = weir(one_version(origin, paths={"doubleSlash": "reject", "encodedSlash": "reject"}))
    for path in ("/a//b", "/a%2fb"):
        with Connection(strict.port) as client:
            assert client.request("GET", path).status == 400
    assert len(origin.requests) == 1
