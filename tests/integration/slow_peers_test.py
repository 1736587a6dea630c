"""Clients and origins that are slow, stall, or leave half way: each deadline, back-pressure, and who is told."""
from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
import time
from typing import Callable, Iterator

import pytest
from exposition import Exposition
from http_client import Connection, Truncated, request_bytes
from origin import Origin
from outcomes import metric, wait_for_outcomes
from plans import Plan, one_version, route
from polling import wait_until
from ports import free_port, unanswering_port
from serving import running_origin, running_weir
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_MIB = 1024 * 1024
_SHORT = "300ms"
_FINISH = {"X-Route": "finish"}
# What kernels and the weir may hold of a body on its way, on both connections; the bodies are many times as large.
_ON_ITS_WAY = 64 * _MIB


@dataclasses.dataclass
class Served:
    """One weir whose listeners and routes differ in one deadline each. A route is chosen by the field X-Route."""
    weir: Weir
    origin: Origin
    port: int
    short_header: int
    short_keep_alive: int

    def ended(self) -> dict[str, float]:
        """weir_requests_total by class."""
        exposition = Exposition(self.weir.admin.metrics())
        classes = exposition.labels("weir_requests_total", "class")
        return {name: exposition.total("weir_requests_total", **{"class": name}) for name in classes}


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    def by_name(name: str, **rest: object) -> Plan:
        match = {"pathPrefix": "/", "headers": [{"name": "x-route", "exact": name}]}
        return {**route(**rest), "match": match}
    ports = [free_port() for _ in range(3)]
    timeouts: list[Plan] = [{}, {"header": _SHORT}, {"keepAlive": _SHORT}]
    listeners = [{"address": f"127.0.0.1:{port}", "timeouts": own} for port, own in zip(ports, timeouts)]
    names = ("bodyIdle", "responseHeader", "responseIdle", "total")
    with running_origin() as origin:
        plan = one_version(origin, listeners=listeners, limits={"body": "none"})
        plan["routes"] = [*(by_name(name, timeouts={name: _SHORT}) for name in names),
                          by_name("finish", onClientHalfClose="finish"), route()]
        with running_weir(plan, tmp_path_factory.mktemp("weir")) as weir:
            yield Served(weir, origin, *ports)


@contextlib.contextmanager
def aborted_upstream(served: Served, **classes: int) -> Iterator[None]:
    """What happens inside makes the origin lose one request, and the weir count just these outcomes."""
    # Outcomes are counted a tick after their request has ended.
    wait_until(lambda: sum(served.ended().values()) == served.origin.counts().requests, "earlier requests are counted")
    counts, ended = served.origin.counts(), served.ended()
    yield
    wait_until(lambda: served.origin.counts().aborted == counts.aborted + 1, "the origin's request is aborted")
    wait_until(lambda: served.origin.counts().waiting == counts.waiting, "the origin is done with it")

    def new() -> dict[str, float]:
        more = {name: count - ended.get(name, 0) for name, count in served.ended().items()}
        return {name: count for name, count in more.items() if count}
    assert wait_until(new, "an outcome is counted") == classes


def is_cut(client: Connection) -> bool:
    """Whether the response under way ends without its end."""
    try:
        client.reply()
    except (Truncated, ConnectionResetError):
        return True
    return False


# Clients that are slow to send


def test_a_head_that_does_not_come_is_answered_408(served: Served) -> None:
    before = served.origin.counts().requests
    with Connection(served.short_header) as client:
        client.send(b"GET /inspect HTTP/1.1\r\nHost: we")
        reply = client.reply()
        assert (reply.status, reply["x-weir-reason"], reply["connection"]) == (408, "header_timeout", "close")
        assert client.at_end()
    assert served.origin.counts().requests == before


def test_the_deadline_of_a_head_is_absolute(served: Served) -> None:
    with Connection(served.short_header) as client:
        client.send(b"GET /inspect HTTP/1.1\r\nX-Drip: ")
        client.socket.settimeout(0.02)

        def answered_between_bytes() -> bool:
            try:
                client.send(b"d")
                return client.socket.recv(1, socket.MSG_PEEK) != b""
            except TimeoutError:
                return False
        wait_until(answered_between_bytes, "a client that sends a byte now and then is answered")
        client.socket.settimeout(15)
        assert client.reply()["x-weir-reason"] == "header_timeout"


def test_the_second_head_has_the_deadline_too(served: Served) -> None:
    with Connection(served.short_header) as client:
        assert client.request("GET", "/inspect").status == 200
        client.send(b"GET /inspect HTTP/1.1\r\nHo")
        assert client.reply()["x-weir-reason"] == "header_timeout" and client.at_end()


def test_a_client_that_never_speaks_is_closed(served: Served) -> None:
    with Connection(served.short_header) as client:
        assert client.at_end()


def test_an_idle_connection_is_closed(served: Served) -> None:
    before = metric(served.weir, "weir_downstream_idle_closed_total")
    with Connection(served.short_keep_alive) as client:
        assert client.request("GET", "/inspect").status == 200
        assert client.at_end()
    assert metric(served.weir, "weir_downstream_idle_closed_total") == before + 1


@pytest.mark.parametrize("sent", [b"", b"hel"])
@pytest.mark.parametrize("as_chunks", [False, True])
def test_a_body_that_does_not_come_is_answered_408(served: Served, as_chunks: bool, sent: bytes) -> None:
    framing = {"Transfer-Encoding": "chunked"} if as_chunks else {"Content-Length": "5"}
    body = b"5\r\n" + sent if as_chunks else sent
    with aborted_upstream(served, client_abort=1), Connection(served.port) as client:
        client.send(request_bytes("POST", "/sink", {"X-Route": "bodyIdle", **framing}) + body)
        reply = client.reply()
        assert (reply.status, reply["x-weir-reason"], reply["connection"]) == (408, "body_timeout", "close")
        assert client.at_end()


# Back-pressure


def test_a_client_that_stops_reading_stops_the_origin(served: Served) -> None:
    size = 1024 * _MIB
    before = served.origin.counts()
    with aborted_upstream(served, client_abort=1), Connection(served.port, receive_buffer=64 * 1024) as client:
        client.send(request_bytes("GET", f"/bytes/{size}", {"X-Route": "bodyIdle"}))
        assert client.head().status == 200
        # Having stalled for bodyIdle, it is cut: the origin notices.
        wait_until(lambda: served.origin.counts().aborted == before.aborted + 1, "the stalled request is ended")
        assert served.origin.counts().body_out - before.body_out < _ON_ITS_WAY
        with pytest.raises((Truncated, ConnectionResetError)):
            while data := client.read_some():
                size -= len(data)
            raise Truncated()  # what came was less than announced, and then an end
        assert size > 1024 * _MIB - _ON_ITS_WAY


def test_a_client_that_reads_again_gets_the_rest(served: Served) -> None:
    size = 100 * _MIB
    before = served.origin.counts().body_out
    with Connection(served.port, receive_buffer=64 * 1024) as client:
        client.send(request_bytes("GET", f"/bytes/{size}"))
        no_longer_grows(lambda: served.origin.counts().body_out - before)
        assert served.origin.counts().body_out - before < _ON_ITS_WAY
        assert len(client.reply().body) == size


def test_an_origin_that_does_not_read_stops_the_client(weir: StartWeir, origin: Callable[..., Origin]) -> None:
    sent = 0
    slow = origin()

    def upload(client: Connection) -> None:
        nonlocal sent
        block = b"u" * _MIB
        with contextlib.suppress(OSError):
            client.send(request_bytes("POST", "/unread", {"Content-Length": str(2048 * _MIB)}))
            for _ in range(2048):
                client.send(block)
                sent += len(block)

    with Connection(weir(one_version(slow, limits={"body": "none"})).port, timeout_s=60) as client:
        sender = threading.Thread(target=upload, args=(client,))
        sender.start()
        no_longer_grows(lambda: sent)
        assert sent < _ON_ITS_WAY
        slow.die()
        assert client.reply().status == 502
        sender.join()


def test_an_origin_that_never_reads_is_given_up(served: Served) -> None:
    with Connection(served.port, timeout_s=60) as client:
        def upload() -> None:
            with contextlib.suppress(OSError):
                client.send(request_bytes("POST", "/unread", {"X-Route": "responseHeader"}, b"u" * 64 * _MIB))
        sender = threading.Thread(target=upload)
        sender.start()
        reply = client.reply()
        assert (reply.status, reply["x-weir-reason"], reply["connection"]) == (504, "timeout", "close")
        sender.join()


def no_longer_grows(count: Callable[[], int]) -> None:
    """Waits until half a second has brought nothing. A verdict too early only weakens what is asserted next."""
    last, since = 0, time.monotonic()

    def stalled() -> bool:
        nonlocal last, since
        now = count()
        if now != last:
            last, since = now, time.monotonic()
        return last > 0 and time.monotonic() - since > 0.5
    wait_until(stalled, "the count grows no longer", timeout_s=60)


# Origins that are slow to answer


def test_a_response_that_does_not_begin_is_answered_504(served: Served) -> None:
    with Connection(served.port) as client:
        with aborted_upstream(served, timeout=1):
            reply = client.request("GET", "/hang", {"X-Route": "responseHeader"})
            assert (reply.status, reply["x-weir-reason"], reply["x-weir-version"]) == (504, "timeout", "v1")
            assert reply.json()["error"]["code"] == "timeout"
        # The client did nothing wrong.
        assert reply["connection"] is None and client.request("GET", "/inspect").status == 200


def test_a_response_that_does_not_go_on_is_cut(served: Served) -> None:
    with aborted_upstream(served, timeout=1), Connection(served.port) as client:
        client.send(request_bytes("GET", "/half", {"X-Route": "responseIdle"}))
        assert is_cut(client)


def test_a_response_that_goes_on_is_not_cut_for_being_long(served: Served) -> None:
    """Each part comes well within responseIdle, all together take longer."""
    with Connection(served.port) as client:
        reply = client.request("GET", "/drip/40/20", {"X-Route": "responseIdle"})
        assert reply.body == b"drop\n" * 40


def test_total_ends_a_request_that_hangs(served: Served) -> None:
    with aborted_upstream(served, timeout=1), Connection(served.port) as client:
        reply = client.request("GET", "/hang", {"X-Route": "total"})
        assert (reply.status, reply["x-weir-reason"]) == (504, "timeout")


def test_total_ends_a_stream_too(served: Served) -> None:
    with aborted_upstream(served, timeout=1), Connection(served.port) as client:
        client.send(request_bytes("GET", "/drip/10000/20", {"X-Route": "total"}))
        assert is_cut(client)


# Clients that end their side: where a route takes them to be still reading, and where not (disconnect_test.py)


@pytest.mark.parametrize("target", ["/inspect", "/drip/5/20", "/bytes/3000000"])
def test_a_client_that_sends_no_more_is_still_answered(served: Served, target: str) -> None:
    with Connection(served.port) as client:
        client.send(request_bytes("GET", target, _FINISH))
        client.half_close()
        assert client.reply().status == 200
        assert client.at_end()


def test_a_body_may_be_followed_by_the_end(served: Served) -> None:
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/sink", _FINISH, b"b" * 100_000))
        client.half_close()
        assert client.reply().json()["bytes"] == 100_000
        assert client.at_end()


def test_pipelined_requests_before_the_end_are_all_answered(served: Served) -> None:
    with Connection(served.port) as client:
        client.send(b"".join(request_bytes("GET", target, _FINISH) for target in ("/drip/3/20", "/inspect?2", "/inspect?3")))
        client.half_close()
        assert client.reply().body == b"drop\n" * 3
        assert client.reply().json()["target"] == "/inspect?2"
        assert client.reply().json()["target"] == "/inspect?3"
        assert client.at_end()


def test_an_end_behind_pipelined_requests_begins_none_of_them(served: Served) -> None:
    with aborted_upstream(served, client_abort=1), Connection(served.port) as client:
        before = served.origin.counts()
        client.send(request_bytes("GET", "/hang") + request_bytes("GET", "/inspect"))
        wait_until(lambda: served.origin.counts().waiting == before.waiting + 1, "the request is at the origin")
        client.half_close()
        assert is_cut(client)
        assert served.origin.counts().requests == before.requests + 1


def test_an_end_inside_a_head_is_no_request(served: Served) -> None:
    before = served.origin.counts().requests
    with Connection(served.port) as client:
        client.send(b"GET /inspect HTTP/1.1\r\nHost: weir.te")
        client.half_close()
        assert client.at_end()
    assert served.origin.counts().requests == before


@pytest.mark.parametrize("framing,body", [
    ({"Content-Length": "10"}, b"hello"), ({"Transfer-Encoding": "chunked"}, b"5\r\nhello\r\n"),
], ids=["length", "chunked"])
def test_an_end_inside_a_body_is_an_abort(served: Served, framing: dict[str, str], body: bytes) -> None:
    with aborted_upstream(served, client_abort=1), Connection(served.port) as client:
        before = served.origin.counts().body_in
        client.send(request_bytes("POST", "/sink", framing) + body)
        wait_until(lambda: served.origin.counts().body_in == before + 5, "what there is of the body is at the origin")
        client.half_close()
        assert is_cut(client)


# Clients that reset


def test_a_reset_while_the_origin_thinks_cancels_upstream(served: Served) -> None:
    with aborted_upstream(served, client_abort=1), Connection(served.port) as client:
        before = served.origin.counts().waiting
        client.send(request_bytes("GET", "/hang"))
        wait_until(lambda: served.origin.counts().waiting == before + 1, "the request is at the origin")
        client.reset()


def test_a_reset_after_a_body_cancels_upstream(served: Served) -> None:
    with aborted_upstream(served, client_abort=1), Connection(served.port) as client:
        before = served.origin.counts().waiting
        client.send(request_bytes("POST", "/hang", {}, b"b" * 10_000))
        wait_until(lambda: served.origin.counts().waiting == before + 1, "the request is at the origin")
        client.reset()


def test_a_reset_inside_a_body_cancels_upstream(served: Served) -> None:
    with aborted_upstream(served, client_abort=1), Connection(served.port) as client:
        before = served.origin.counts().body_in
        client.send(request_bytes("POST", "/sink", {"Content-Length": "100"}) + b"hello")
        wait_until(lambda: served.origin.counts().body_in == before + 5, "what there is of the body is at the origin")
        client.reset()


def test_a_reset_behind_a_stalled_upload_cancels_upstream(served: Served) -> None:
    with Connection(served.port) as client:
        before = served.ended().get("client_abort", 0)
        client.socket.settimeout(0.5)
        client.send(request_bytes("POST", "/unread", {"Content-Length": str(1024 * _MIB)}))
        # Until nobody takes any more: the origin reads nothing, and all between here and there is full.
        with contextlib.suppress(TimeoutError):
            while True:
                client.send(b"b" * _MIB)
        client.reset()
    wait_until(lambda: served.ended().get("client_abort", 0) == before + 1, "the client is known to have gone")


def test_a_client_that_ends_behind_a_stalled_upload_is_served(served: Served) -> None:
    """Its FIN is met while bytes of its body wait for the origin: that is no end inside the body."""
    size = 4 * _MIB
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/sink", {"Content-Length": str(size), **_FINISH}))
        client.send(b"b" * size)
        client.half_close()
        assert client.reply(to="POST").json()["bytes"] == size


def test_a_reset_inside_a_quiet_response_cancels_upstream(served: Served) -> None:
    with aborted_upstream(served, client_abort=1), Connection(served.port) as client:
        client.send(request_bytes("GET", "/half"))
        assert client.head().status == 200
        client.reset()


def test_a_reset_inside_a_busy_response_cancels_upstream(served: Served) -> None:
    with aborted_upstream(served, client_abort=1), Connection(served.port) as client:
        client.send(request_bytes("GET", f"/bytes/{1024 * _MIB}"))
        for _ in range(20):
            client.read_some()
        client.reset()


def test_a_reset_of_a_client_that_does_not_read_cancels_upstream(served: Served) -> None:
    with aborted_upstream(served, client_abort=1), Connection(served.port, receive_buffer=64 * 1024) as client:
        before = served.origin.counts().body_out
        client.send(request_bytes("GET", f"/bytes/{1024 * _MIB}"))
        wait_until(lambda: served.origin.counts().body_out > before, "the response is under way")
        client.reset()


def test_a_reset_with_requests_waiting_behind_cancels_upstream(served: Served) -> None:
    with aborted_upstream(served, client_abort=1), Connection(served.port) as client:
        before = served.origin.counts()
        client.send(request_bytes("GET", "/hang") + request_bytes("GET", "/inspect"))
        wait_until(lambda: served.origin.counts().waiting == before.waiting + 1, "the request is at the origin")
        client.reset()
        wait_until(lambda: served.origin.counts().waiting == before.waiting, "the request is given up")
        assert served.origin.counts().requests == before.requests + 1  # nobody is there for the second


def test_a_client_that_leaves_while_we_connect_is_noticed(weir: StartWeir) -> None:
    with unanswering_port() as port:
        served = weir(one_version(port, timeouts={"connect": "1h"}))
        with Connection(served.port) as client:
            client.send(request_bytes("GET", "/"))
            wait_until(lambda: metric(served, "weir_upstream_connections") == 1, "the connection is being opened")
            client.reset()
        wait_until(lambda: metric(served, "weir_requests_active") == 0, "the request is given up")
        wait_until(lambda: metric(served, "weir_upstream_connections") == 0, "the connection is too")
        wait_for_outcomes(served, client_abort=1)


def test_default_upstream_connect_gives_up(weir: StartWeir) -> None:
    with unanswering_port() as port:
        served = weir(one_version(port, timeouts={"connect": _SHORT}))
        with Connection(served.port) as client:
            reply = client.request("GET", "/")
            assert reply.status == 503 and (reply["x-weir-reason"] or "").startswith("connect")
        wait_for_outcomes(served, connect=1)
