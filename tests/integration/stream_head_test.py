"""`streamHead: firstEvent`: a stream that begins with an error is told by a status, and may be asked for once more."""
from __future__ import annotations

import socket
import threading
from typing import Any, Callable

import pytest
from assignment import arm
from exposition import Exposition
from http_client import get
from plans import Plan, at_weight, canary, route, version
from polling import wait_until
from raw_origin import Peer, RawOrigin, always
from steering import begun
from weir_harness import Weir

_ROLE = b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
_TEXT = b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"yes"}}]}\n\n'
_REST = (b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
         b"data: [DONE]\n\n")
_ERROR = b'data: {"error":{"message":"out of memory","type":"server_error","code":500}}\n\n'
_FULL = b'data: {"error":{"message":"queue is full","type":"overloaded_error","code":429}}\n\n'
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_HELD: dict[str, Any] = {"inspect": "openai", "streamHead": "firstEvent"}


def _chunks(body: bytes) -> bytes:
    """A byte a chunk: no event comes whole."""
    return b"".join(b"1\r\n%c\r\n" % byte for byte in body)


def _answer(body: bytes) -> bytes:
    return _HEAD + _chunks(body) + b"0\r\n\r\n"


def _plan(origin: RawOrigin, **on_route: Any) -> Plan:
    return {"services": {"chat": {"versions": {"v1": version(origin)}}}, "routes": [route(**on_route)]}


def _classes(weir: Weir) -> set[str]:
    def counted() -> Exposition | None:
        metrics = Exposition(weir.admin.metrics())
        return metrics if metrics.total("weir_requests_total") > 0 else None
    return wait_until(counted, "the request is in /metrics").labels("weir_requests_total", "class")


@pytest.mark.parametrize("error, status, outcome", [(_ERROR, 502, "error_event"), (_FULL, 503, "capacity")])
def test_a_stream_that_begins_with_an_error_is_told_by_a_status(error: bytes, status: int, outcome: str,
                                                                weir: Callable[..., Weir]) -> None:
    with RawOrigin(always(_answer(b": hello\n\n" + error))) as origin:
        running = weir(_plan(origin, **_HELD))
        for _ in range(2):  # the client's connection goes on
            reply = get(running.port, "/")
            assert reply.status == status and reply["x-weir-reason"] == outcome
            assert reply["content-type"] == "application/json" and b"memory" not in reply.body
        assert _classes(running) == {outcome}


@pytest.mark.parametrize("said, told", [("7", "7"), (None, "1"), ("Wed, 21 Oct 2099 07:28:00 GMT", "1")])
def test_who_has_no_room_says_when_to_come_back(said: str | None, told: str, weir: Callable[..., Weir]) -> None:
    head = _HEAD if said is None else _HEAD.replace(b"transfer-", f"retry-after: {said}\r\ntransfer-".encode())
    with RawOrigin(always(head + _chunks(_FULL) + b"0\r\n\r\n")) as origin:
        running = weir(_plan(origin, **_HELD))
        reply = get(running.port, "/")
        assert reply.status == 503 and reply["retry-after"] == told


@pytest.mark.parametrize("inspect, error", [
    ("openai", b'{"message":"too long","type":"BadRequestError","code":400}'),
    ("openai", b'{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}'),
    ("tgi", b'"Input validation error: `inputs` is too long","error_type":"validation"')])
def test_what_is_wrong_with_a_request_is_told_its_client(inspect: str, error: bytes, weir: Callable[..., Weir]) -> None:
    body = b'data: {"error":' + error + b"}\n\n"
    with RawOrigin(always(_answer(body))) as origin:
        running = weir(_plan(origin, retries={"attempts": 1, "onStatus": [502]}, **{**_HELD, "inspect": inspect}))
        reply = get(running.port, "/")
        assert reply.status == 200 and reply.body == body
        assert len(origin.heads) == 1
        assert _classes(running) == {"error_event"}


@pytest.mark.parametrize("on_route", [{"inspect": "openai"}, {"inspect": "off", "streamHead": "firstEvent"}], ids=str)
def test_the_head_goes_at_once_where_nobody_holds_it(on_route: dict[str, str], weir: Callable[..., Weir]) -> None:
    with RawOrigin(always(_answer(_ERROR))) as origin:
        running = weir(_plan(origin, **on_route))
        reply = get(running.port, "/")
        assert reply.status == 200 and reply.body == _ERROR


@pytest.mark.parametrize("body", [_ROLE + _ERROR, _ROLE + _TEXT + _REST, b"", b": nothing\n\n", b"data: " + b"x" * 40_000],
                         ids=["error_behind_an_event", "good", "empty", "no_event", "endless_event"])
def test_what_begins_well_or_not_at_all_passes_as_it_comes(body: bytes, weir: Callable[..., Weir]) -> None:
    with RawOrigin(always(_answer(body))) as origin:
        running = weir(_plan(origin, **_HELD))
        reply = get(running.port, "/")
        assert reply.status == 200 and reply.body == body


def test_the_first_event_goes_out_at_once(weir: Callable[..., Weir]) -> None:
    seen = threading.Event()

    def serve(peer: Peer) -> None:
        peer.head()
        peer.send(_HEAD + _chunks(_ROLE))
        assert seen.wait(timeout=20)
        peer.send(_chunks(_TEXT + _REST) + b"0\r\n\r\n")

    with RawOrigin(serve) as origin:
        running = weir(_plan(origin, **_HELD))
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            heard = b""
            while b"assistant" not in heard.replace(b"\r\n1\r\n", b""):
                part = client.recv(65536)
                assert part, heard
                heard += part
            seen.set()
            while not heard.endswith(b"0\r\n\r\n"):
                part = client.recv(65536)
                assert part, heard
                heard += part


def test_a_stream_that_breaks_before_its_first_event_is_a_502(weir: Callable[..., Weir]) -> None:
    def serve(peer: Peer) -> None:
        peer.head()
        peer.send(_HEAD + _chunks(_ROLE[:20]))

    with RawOrigin(serve) as origin:
        running = weir(_plan(origin, **_HELD))
        reply = get(running.port, "/")
        assert reply.status == 502
        assert _classes(running) == {"truncated"}


def test_a_client_that_leaves_before_the_first_event_is_no_failure_of_the_version(weir: Callable[..., Weir]) -> None:
    begun_to_answer = threading.Event()

    def serve(peer: Peer) -> None:
        peer.head()
        peer.send(_HEAD + _chunks(_ROLE[:20]))
        begun_to_answer.set()
        peer.wait_for_close()

    with RawOrigin(serve) as origin:
        running = weir(_plan(origin, **_HELD))
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert begun_to_answer.wait(timeout=20)
        assert _classes(running) == {"client_abort"}


def test_another_try_may_answer_in_its_place(weir: Callable[..., Weir]) -> None:
    answers = iter([_answer(_ERROR), _answer(_ROLE + _TEXT + _REST)])

    def serve(peer: Peer) -> None:
        peer.head()
        peer.send(next(answers))

    with RawOrigin(serve) as origin:
        running = weir(_plan(origin, retries={"attempts": 1, "onStatus": [502]}, **_HELD))
        reply = get(running.port, "/")
        assert reply.status == 200 and reply.body == _ROLE + _TEXT + _REST
        assert origin.connections == 2
        # By its first failure (PRODUCT.md section 5).
        assert _classes(running) == {"error_event"}


def test_the_baseline_may_answer_in_the_candidates_place(weir: Callable[..., Weir]) -> None:
    with RawOrigin(always(_answer(_ROLE + _TEXT + _REST))) as v1, RawOrigin(always(_answer(_FULL))) as v2:
        rollout = {"analysis": {"onGuardFail": "warn", "rescue": {"onStatus": [503]}}}
        running = begun(weir(canary(v1, v2, at_weight(50), rollout=rollout, routes=[route(**_HELD)])))
        user = next(user for user in map(str, range(1000)) if arm(user, 50) == "v2")
        reply = get(running.port, "/", {"x-user-id": user})
        assert reply.status == 200 and reply.body == _ROLE + _TEXT + _REST
        assert len(v1.heads) == len(v2.heads) == 1
        assert _classes(running) == {"capacity"}
