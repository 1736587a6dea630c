"""Requests that are sent once more: which, where to, with which bytes, and how many at a time."""
from __future__ import annotations

import contextlib
import threading
from typing import Any, Callable

import pytest
from http_client import Connection, chunked, get, request_bytes
from neighbours import Neighbours, says_what_it_got
from outcomes import metric, wait_for_outcomes
from plans import Plan, one_version, route, version
from polling import wait_until
from ports import free_port
from raw_origin import Peer, RawOrigin, always
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"
_LATER = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 5\r\n\r\nlater"


def plan_for(*origins: Any, retries: Plan | None = None, **top: Any) -> Plan:
    plan = one_version(0, workers=1, **top)
    plan["services"]["chat"]["versions"]["v1"] = version(*origins)
    return {**plan, **({"retries": retries} if retries is not None else {})}


def fails_first(fail: Callable[[Peer], None], times: int = 1) -> Callable[[Peer], None]:
    """The first requests meet `fail`, on whatever connection; the others are answered."""
    left = [times]

    def serve(peer: Peer) -> None:
        while peer.request():
            if left[0] > 0:
                left[0] -= 1
                return fail(peer)
            peer.send(_OK)
    return serve


def says(reply: bytes) -> Callable[[Peer], None]:
    return lambda peer: peer.send(reply)


# Which failures


@pytest.mark.parametrize("method,body", [("GET", b""), ("POST", b"hello"), ("PUT", b"b" * 60_000)])
def test_a_listed_status_is_asked_of_another_endpoint(weir: StartWeir, method: str, body: bytes) -> None:
    received = []

    def serve(peer: Peer) -> None:
        while peer.head():
            received.append(peer.body(len(body)))
            peer.send(_OK)
    with RawOrigin(always(_BUSY)) as busy, RawOrigin(serve) as free:
        served = weir(plan_for(busy, free, retries={"onStatus": [503]}))
        for _ in range(10):
            with Connection(served.port) as client:
                assert client.request(method, "/", {}, body).body == b"ok"
        assert received == [body] * 10
        retried = metric(served, "weir_upstream_retries_total")
        assert retried == len(busy.heads) > 0
        assert metric(served, "weir_upstream_retries_answered_total") == retried
        # A retry hides a failure from the client, not from whoever judges the version.
        wait_for_outcomes(served, ok=10 - int(retried), http_5xx=int(retried))


def test_a_status_is_not_retried_unless_it_is_listed(weir: StartWeir) -> None:
    with RawOrigin(always(_BUSY)) as origin:
        assert get(weir(plan_for(origin)).port).body == b"busy"
        assert get(weir(plan_for(origin, retries={"onStatus": [502]})).port).body == b"busy"
        assert len(origin.heads) == 2


def test_the_last_answer_is_the_clients(weir: StartWeir) -> None:
    with RawOrigin(always(_BUSY)) as origin:
        reply = get(weir(plan_for(origin, retries={"onStatus": [503], "attempts": 2})).port)
        assert (reply.status, reply.body, reply["x-weir-version"]) == (503, b"busy", "v1")
        assert len(origin.heads) == 3


def test_nobody_is_asked_before_the_time_it_named(weir: StartWeir) -> None:
    with RawOrigin(always(_LATER)) as one, RawOrigin(always(_LATER)) as other:
        served = weir(plan_for(one, other, retries={"onStatus": [503]}))
        reply = get(served.port)
        assert (reply.body, reply["retry-after"]) == (b"later", "7")
        assert len(one.heads) + len(other.heads) == 1
        wait_for_outcomes(served, capacity=1)


@pytest.mark.parametrize("fail", [Peer.reset, lambda peer: None, says(b"HTTP/1.1 200 O"), says(b"no HTTP\r\n\r\n")],
                         ids=["reset", "closed", "half a head", "garbage"])
def test_a_broken_connection_is_retried_if_the_plan_says_so(weir: StartWeir, fail: Callable[[Peer], None]) -> None:
    def status(method: str, **retries: Any) -> int:
        with RawOrigin(fails_first(fail)) as origin:
            with Connection(weir(plan_for(origin, retries=retries)).port) as client:
                return client.request(method, "/", {}, b"hello" if method == "POST" else b"").status
    assert status("GET") == 502
    assert status("GET", onReset=True) == 200
    assert status("GET", onReset=True, attempts=0) == 502
    assert status("POST", onReset=True) == 502
    assert status("POST", onReset=True, nonIdempotent=True) == 200


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_post_is_not_repeated_for_a_status_that_leaves_open_what_was_done(weir: StartWeir, status: int) -> None:
    failed = b"HTTP/1.1 %d Failed\r\nContent-Length: 6\r\n\r\nfailed" % status

    def asked(method: str, **retries: Any) -> int:
        with RawOrigin(always(failed)) as origin:
            with Connection(weir(plan_for(origin, retries={"onStatus": [status], **retries})).port) as client:
                assert client.request(method, "/", {}, b"hello" if method == "POST" else b"").status == status
            return len(origin.heads)
    assert asked("GET") == 2
    assert asked("POST") == 1
    assert asked("POST", nonIdempotent=True) == 2


def test_a_response_that_does_not_begin_is_retried_if_the_plan_says_so(weir: StartWeir) -> None:
    with RawOrigin(fails_first(Peer.wait_for_close)) as origin:
        served = weir(plan_for(origin, retries={"onTimeout": True}, timeouts={"responseHeader": "300ms"}))
        assert get(served.port).body == b"ok"
        wait_for_outcomes(served, timeout=1)


def test_default_retries_hide_an_endpoint_that_refuses(weir: StartWeir) -> None:
    with RawOrigin(always(_OK)) as origin:
        served = weir(plan_for(free_port(), origin))
        for _ in range(20):
            with Connection(served.port) as client:
                assert client.request("POST", "/", {"Connection": "close"}, b"hello").body == b"ok"
        wait_for_outcomes(served, ok=20)


def test_what_the_client_has_heard_of_is_not_retried(weir: StartWeir) -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    with RawOrigin(always(hint + _BUSY)) as origin:
        reply = get(weir(plan_for(origin, retries={"onStatus": [503]})).port)
        assert (reply.status, [head.status for head in reply.interim]) == (503, [103])
        assert len(origin.heads) == 1


def test_a_client_is_told_once_to_send_its_body(weir: StartWeir) -> None:
    with RawOrigin(fails_first(says(_BUSY))) as origin:
        with Connection(weir(plan_for(origin, retries={"onStatus": [503]})).port) as client:
            client.send(b"POST / HTTP/1.1\r\nHost: weir.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            assert client.head().status == 100
            client.send(b"hello")
            assert client.head().status == 200
        assert len(origin.heads) == 2


def test_the_inner_word_wins(weir: StartWeir) -> None:
    with RawOrigin(always(_BUSY)) as origin:
        plan = plan_for(origin, retries={"onStatus": [503], "attempts": 3})
        plan["routes"] = [route(prefix="/once", retries={"attempts": 0}), route()]
        served = weir(plan)
        get(served.port, "/once")
        assert len(origin.heads) == 1
        get(served.port, "/often")
        assert len(origin.heads) == 5


# With which bytes


@pytest.mark.parametrize("as_chunks", [False, True])
def test_a_body_beyond_the_limit_is_sent_once(weir: StartWeir, as_chunks: bool) -> None:
    def status(size: int) -> int:
        body = b"b" * size

        def serve(peer: Peer) -> None:
            if peer.head():
                peer.chunks() if as_chunks else peer.body(size)
                peer.send(_BUSY if peer.number == 1 else _OK)
        with RawOrigin(serve) as origin:
            served = weir(plan_for(origin, retries={"onStatus": [503], "body": "10KiB"}))
            with Connection(served.port) as client:
                if as_chunks:
                    client.send(request_bytes("POST", "/", {"Transfer-Encoding": "chunked"}) + chunked(body))
                else:
                    client.send(request_bytes("POST", "/", {}, body))
                return client.reply().status
    assert status(10 * 1024) == 200
    assert status(10 * 1024 + 1) == 503


def test_a_body_in_pieces_comes_whole(weir: StartWeir) -> None:
    """The first attempt breaks inside it: the second gets what came before, and what comes after."""
    heads, rest = [], []
    broke = threading.Event()

    def serve(peer: Peer) -> None:
        heads.append(peer.head())
        if peer.number == 1:
            assert peer.body(5) == b"hello"
            broke.set()
            return peer.reset()
        rest.append(peer.body(11))
        peer.send(_OK)
    with RawOrigin(serve) as origin:
        served = weir(plan_for(origin, retries={"onReset": True}))
        with Connection(served.port) as client:
            client.send(request_bytes("PUT", "/", {"Content-Length": "11"}) + b"hello")
            assert broke.wait(30)
            wait_until(lambda: len(heads) == 2, "it is sent once more")
            client.send(b" world")
            assert client.reply(to="PUT").body == b"ok"
        assert rest == [b"hello world"] and heads[0] == heads[1]


def test_trailers_are_sent_again(weir: StartWeir) -> None:
    tail = chunked(b"hello", trailers=b"x-checksum: 1\r\n")
    tails = []

    def serve(peer: Peer) -> None:
        if peer.head():
            tails.append(peer.body(len(tail)))
            peer.send(_BUSY if peer.number == 1 else _OK)
    with RawOrigin(serve) as origin:
        with Connection(weir(plan_for(origin, retries={"onStatus": [503]})).port) as client:
            client.send(request_bytes("POST", "/", {"Transfer-Encoding": "chunked", "Trailer": "x-checksum"}) + tail)
            assert client.reply(to="POST").body == b"ok"
    assert tails == [tail, tail]


def test_neighbours_bytes_do_not_mix(weir: StartWeir) -> None:
    """Pipelined requests of many clients, with bodies of many sizes, at an origin that fails in every way."""
    retries = {"onStatus": [503], "onReset": True, "nonIdempotent": True, "attempts": 3, "budget": "100%"}
    serve = says_what_it_got(failures=0.35)
    with RawOrigin(serve) as one, RawOrigin(serve) as other:
        served = weir(plan_for(one, other, retries=retries))
        neighbours = Neighbours(served.port)
        assert not neighbours.mixed
        assert metric(served, "weir_upstream_retries_total") > 20


# How many, and when


def test_default_retries_are_bounded_by_a_budget(weir: StartWeir) -> None:
    """Three may run at once whatever their share; the fourth gets the failure itself."""
    arrived = threading.Semaphore(0)
    go_on = threading.Event()
    failed = set()

    def serve(peer: Peer) -> None:
        while target := peer.head().partition(b" HTTP")[0]:
            if target not in failed:
                failed.add(target)
                peer.send(_BUSY)
            else:
                arrived.release()
                assert go_on.wait(30)
                peer.send(_OK)
    with RawOrigin(serve) as origin, contextlib.ExitStack() as held:
        served = weir(plan_for(origin, retries={"onStatus": [503]}))
        clients = [held.enter_context(Connection(served.port)) for _ in range(3)]
        for number, client in enumerate(clients):
            client.send(request_bytes("GET", f"/{number}"))
            assert arrived.acquire(timeout=30)
        assert metric(served, "weir_upstream_retries_over_budget_total") == 0
        assert get(served.port, "/over").status == 503
        assert metric(served, "weir_upstream_retries_over_budget_total") == 1
        go_on.set()
        assert [client.reply().status for client in clients] == [200] * 3
        assert get(served.port, "/again").status == 200  # there is room again


def test_a_budget_of_nothing_retries_nothing(weir: StartWeir) -> None:
    with RawOrigin(always(_BUSY)) as origin:
        served = weir(plan_for(origin, retries={"onStatus": [503], "budget": "0%", "minConcurrent": 0}))
        assert get(served.port).status == 503
        assert len(origin.heads) == 1 and metric(served, "weir_upstream_retries_over_budget_total") == 1


def test_a_client_that_leaves_ends_its_retries(weir: StartWeir) -> None:
    """Most of the time it is between two attempts."""
    with RawOrigin(always(_BUSY)) as origin:
        retries = {"onStatus": [503], "attempts": 10}
        served = weir(plan_for(origin, retries=retries))
        for _ in range(5):
            before = len(origin.heads)
            with Connection(served.port) as client:
                client.send(request_bytes("GET", "/"))
                wait_until(lambda: len(origin.heads) > before + 3, "some attempts are over")
                client.reset()
            wait_until(lambda: metric(served, "weir_requests_active") == 0, "it is given up")
        assert len(origin.heads) < 5 * 11
        wait_for_outcomes(served, http_5xx=5)


def test_total_ends_retries_too(weir: StartWeir) -> None:
    with RawOrigin(always(_BUSY)) as origin:
        retries = {"onStatus": [503], "attempts": 10}
        reply = get(weir(plan_for(origin, retries=retries, timeouts={"total": "150ms"})).port)
        assert reply.status in (503, 504)
        assert len(origin.heads) < 11


def test_where_the_others_are_out_the_only_one_is_asked_a_little_later(weir: StartWeir) -> None:
    ill = free_port()
    plan = plan_for(0, retries={"onStatus": [503], "attempts": 10}, timeouts={"total": "100ms"})
    with RawOrigin(always(_BUSY)) as origin:
        plan["services"]["chat"]["versions"]["v1"] = {
            **version(origin, ill), "outlier": "off",
            "healthCheck": {"type": "tcp", "interval": "1s", "timeout": "1s", "fall": 1}}
        served = weir(plan)
        wait_until(lambda: metric(served, "weir_upstream_endpoint_healthy") == 1, "one of two is out")
        assert get(served.port).status in (503, 504)
        assert len(origin.heads) < 11


def test_a_wrong_status_is_refused(weir: StartWeir) -> None:
    with pytest.raises(AssertionError, match="a status from 500 to 599"):
        weir(plan_for(free_port(), retries={"onStatus": [404]}))
