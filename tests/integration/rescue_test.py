"""Requests that a candidate has failed and the baseline answers: which, as what they are counted, and how many."""
from __future__ import annotations

import contextlib
import json
import pathlib
import threading
from typing import Any, Callable, Iterator

import pytest
from assignment import arm
from http_client import Connection, Reply, chunked, request_bytes
from neighbours import Neighbours, says_what_it_got
from outcomes import metric
from plans import Plan, at_weight, canary, version
from polling import wait_until
from ports import free_port
from raw_origin import Peer, RawOrigin, always
from steering import begun
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_WEIGHT = 50
_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nv1"
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"
_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad"
_LATER = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 5\r\n\r\nlater"
_USER = next(user for user in map(str, range(1000)) if arm(user, _WEIGHT) == "v2")
_OTHER = next(user for user in map(str, range(1000)) if arm(user, _WEIGHT) == "v1")


def plan_for(baseline: Any, candidate: Any, rescue: Plan | None = None, **top: Any) -> Plan:
    """Nothing is taken back here: these tests are about single requests."""
    analysis = {"onGuardFail": "warn", **({} if rescue is None else {"rescue": rescue})}
    override = {"match": {"header": {"name": "x-choose", "exact": "v2"}}, "version": "v2"}
    rollout = {"analysis": analysis, "overrides": [override]}
    return canary(baseline, candidate, at_weight(_WEIGHT), rollout=rollout, workers=1, **top)


def ask(weir: Weir, method: str = "GET", body: bytes = b"", user: str = _USER, **fields: str) -> Reply:
    with Connection(weir.port) as client:
        return client.request(method, "/", {"x-user-id": user, **fields}, body)


def counted(weir: Weir) -> dict[str, float]:
    """What is known of the versions, as soon as every request is."""
    wait_until(lambda: metric(weir, "weir_requests_active") == 0, "nothing is under way")
    names = ("ok", "http_4xx", "http_5xx", "capacity", "connect", "timeout", "reset", "truncated", "client_abort")
    found = {f"{version} {name}": metric(weir, "weir_requests_total", version=version, **{"class": name})
             for version in ("v1", "v2") for name in names}
    found["rescued"] = metric(weir, "weir_requests_rescued_total", service="chat", version="v2")
    return {name: count for name, count in found.items() if count}


def wait_for_counted(weir: Weir, **expected: float) -> None:
    whole = {name.replace("_", " ", 1): count for name, count in expected.items()}
    wait_until(lambda: counted(weir) == whole, f"{whole} is counted")


@contextlib.contextmanager
def two(candidate: Callable[[Peer], None], baseline: Callable[[Peer], None] = always(_OK)) -> Iterator[
        tuple[RawOrigin, RawOrigin]]:
    with RawOrigin(baseline) as one, RawOrigin(candidate) as other:
        yield one, other


def says(data: bytes) -> Callable[[Peer], None]:
    def serve(peer: Peer) -> None:
        if peer.request():
            peer.send(data)
    return serve


def resets(peer: Peer) -> None:
    if peer.request():
        peer.reset()


def hangs(peer: Peer) -> None:
    if peer.request():
        peer.wait_for_close()


# Which failures


@pytest.mark.parametrize("serve,outcome", [
    (always(_BUSY), "http_5xx"), (always(_LATER), "capacity"), (resets, "reset"), (says(b"HTTP/1.1 20"), "truncated"),
    (says(b"no HTTP at all\r\n\r\n"), "reset"), (hangs, "timeout"),
], ids=["503", "503 with Retry-After", "reset", "half a head", "garbage", "no answer"])
def test_the_baseline_answers_what_the_candidate_has_failed(weir: StartWeir, serve: Callable[[Peer], None],
                                                            outcome: str) -> None:
    with two(serve) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, {}, timeouts={"responseHeader": "300ms"})))
        for _ in range(3):
            reply = ask(served)
            assert (reply.status, reply.body, reply["x-weir-version"]) == (200, b"v1", "v1")
        assert len(baseline.heads) == 3
        # A connection that was opened in advance and breaks counts as stale: its request goes out once more.
        assert len(candidate.heads) >= 3
        # The mark is the candidate's, and the baseline has none: the requests were not its own.
        wait_for_counted(served, rescued=3, **{f"v2_{outcome}": 3})


def test_a_candidate_that_cannot_be_reached_is_rescued(weir: StartWeir) -> None:
    with RawOrigin(always(_OK)) as baseline:
        served = begun(weir(plan_for(baseline, free_port(), {})))
        assert ask(served, "POST", b"hello").body == b"v1"
        wait_for_counted(served, rescued=1, v2_connect=1)


def test_a_rescue_finds_the_endpoint_of_its_key(weir: StartWeir) -> None:
    ok = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n"
    with contextlib.ExitStack() as held:
        baseline = [held.enter_context(RawOrigin(always(ok + name))) for name in (b"a", b"b", b"c")]
        candidate = [held.enter_context(RawOrigin(always(_BUSY))) for _ in range(2)]
        plan = plan_for(baseline[0], candidate[0], {"budget": "100%"})
        for name, origins in (("v1", baseline), ("v2", candidate)):
            plan["services"]["chat"]["versions"][name] = {
                **version(*origins), "loadBalancing": {"policy": "hash", "by": [{"header": "x-session"}], "maxLoad": "1000%"},
                "outlier": "off"}
        served = begun(weir(plan))
        homes = set()
        for session in map(str, range(12)):
            direct = {ask(served, user=_OTHER, **{"x-session": session}).body for _ in range(2)}
            rescued = {ask(served, **{"x-session": session}).body for _ in range(2)}
            assert rescued == direct and len(direct) == 1, session
            homes |= direct
        assert len(homes) > 1
        wait_until(lambda: metric(served, "weir_requests_rescued_total") == 24, "all were rescued")


def test_a_candidate_that_has_no_room_is_rescued(weir: StartWeir) -> None:
    limits = {"upstreamConnections": 1, "pending": 1}
    with two(hangs) as (baseline, candidate), contextlib.ExitStack() as held:
        served = begun(weir(plan_for(baseline, candidate, {}, limits=limits)))
        for waiting in (1, 2):
            client = held.enter_context(Connection(served.port))
            client.send(request_bytes("GET", "/", {"x-user-id": _USER}))
            wait_until(lambda: metric(served, "weir_requests_active") == waiting, "it waits")
        wait_until(lambda: metric(served, "weir_requests_pending") == 1, "one waits for a connection")
        assert ask(served).body == b"v1"
        wait_until(lambda: metric(served, "weir_requests_rescued_total") == 1, "it is counted")
        assert metric(served, "weir_requests_total", version="v2", **{"class": "capacity"}) == 1


def test_a_post_is_rescued_unless_it_may_have_been_done(weir: StartWeir) -> None:
    def status(serve: Callable[[Peer], None], **rescue: Any) -> int:
        with two(serve) as (baseline, candidate):
            return ask(begun(weir(plan_for(baseline, candidate, rescue))), "POST", b"hello").status
    assert status(always(_BUSY)) == 200
    assert status(resets) == 502
    assert status(resets, nonIdempotent=True) == 200
    assert status(resets, nonIdempotent=True, onReset=False) == 502
    assert status(always(_BUSY), onStatus=[502]) == 503
    assert status(always(_GATEWAY)) == 502
    assert status(always(_GATEWAY), nonIdempotent=True) == 200


def test_without_the_key_nothing_is_rescued(weir: StartWeir) -> None:
    with two(always(_BUSY)) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate)))
        reply = ask(served)
        assert (reply.body, reply["x-weir-version"]) == (b"busy", "v2")
        wait_for_counted(served, v2_http_5xx=1)


def test_the_baselines_own_failures_are_its_own(weir: StartWeir) -> None:
    with two(always(_OK), baseline=always(_BUSY)) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, {})))
        reply = ask(served, user=_OTHER)
        assert (reply.body, reply["x-weir-version"]) == (b"busy", "v1")
        assert not candidate.heads
        wait_for_counted(served, v1_http_5xx=1)


def test_who_asks_for_the_candidate_sees_it_fail(weir: StartWeir) -> None:
    with two(always(_BUSY)) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, {})))
        reply = ask(served, **{"X-Choose": "v2"})
        assert (reply.body, reply["x-weir-version"]) == (b"busy", "v2")
        assert not baseline.heads


def test_retries_come_before_a_rescue(weir: StartWeir) -> None:
    with two(always(_BUSY)) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, {}, retries={"onStatus": [503], "attempts": 2})))
        assert ask(served).body == b"v1"
        assert len(candidate.heads) == 3 and len(baseline.heads) == 1
        wait_for_counted(served, rescued=1, v2_http_5xx=1)


# With what


def test_the_baseline_gets_the_same_request(weir: StartWeir) -> None:
    received: dict[str, tuple[bytes, bytes]] = {}

    def serve(name: str, reply: bytes) -> Callable[[Peer], None]:
        def answer(peer: Peer) -> None:
            while request := peer.request_with_body():
                received[name] = request
                peer.send(reply)
        return answer
    body = bytes(range(256)) * 200
    with two(serve("v2", _BUSY), baseline=serve("v1", _OK)) as (baseline, candidate):
        assert ask(begun(weir(plan_for(baseline, candidate, {}))), "POST", body).body == b"v1"
    assert received["v1"] == received["v2"] and received["v1"][1] == body


def test_a_body_that_is_too_long_is_not_rescued(weir: StartWeir) -> None:
    with two(always(_BUSY)) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, {}, retries={"body": "1KiB"})))
        assert ask(served, "POST", b"b" * 1024).body == b"v1"
        assert ask(served, "POST", b"b" * 1025).body == b"busy"


def test_what_comes_after_the_failure_goes_to_the_baseline(weir: StartWeir) -> None:
    """The candidate answers early, inside a body in chunks; the baseline gets it from its beginning, trailers included."""
    received = []
    tail = chunked(b"hello", b" ", b"world", trailers=b"x-checksum: 1\r\n")

    def early(peer: Peer) -> None:
        if peer.head():
            assert peer.body(10) == b"5\r\nhello\r\n"
            peer.send(_BUSY)
            peer.wait_for_close()

    def serve(peer: Peer) -> None:
        if peer.head():
            received.append(peer.body(len(tail)))
            peer.send(_OK)
    with two(early, baseline=serve) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, {})))
        with Connection(served.port) as client:
            fields = {"x-user-id": _USER, "Transfer-Encoding": "chunked", "Trailer": "x-checksum"}
            client.send(request_bytes("POST", "/", fields) + tail[:10])
            wait_until(lambda: len(baseline.heads) == 1, "the baseline is asked")
            client.send(tail[10:])
            assert client.reply(to="POST").body == b"v1"
        assert received == [tail]
        wait_for_counted(served, rescued=1, v2_http_5xx=1)


def test_neighbours_bytes_do_not_mix(weir: StartWeir) -> None:
    """Pipelined requests of many clients, with bodies of many sizes, at a candidate that fails in every way."""
    rescue = {"nonIdempotent": True, "budget": "100%"}
    with two(says_what_it_got(failures=0.6), baseline=says_what_it_got()) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, rescue, retries={"body": "1MiB"})))
        neighbours = Neighbours(served.port, lambda client: {"x-user-id": _USER if client % 3 else _OTHER})
        assert not neighbours.mixed
        assert set(neighbours.statuses) == {200}
        wait_until(lambda: metric(served, "weir_requests_rescued_total") > 20, "so many have been rescued")


# When the client leaves


def test_a_client_that_leaves_ends_its_rescue(weir: StartWeir) -> None:
    """The candidate had failed before that: the mark stays (PRODUCT.md section 5, first failure wins)."""
    gone = threading.Event()

    def serve(peer: Peer) -> None:
        if peer.request():
            try:
                peer.wait_for_close()
            finally:  # a reset is one too
                gone.set()
    with two(always(_BUSY), baseline=serve) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, {})))
        with Connection(served.port) as client:
            client.send(request_bytes("GET", "/", {"x-user-id": _USER}))
            wait_until(lambda: len(baseline.heads) == 1, "the baseline is asked")
            client.reset()
        assert gone.wait(30)
        wait_for_counted(served, rescued=1, v2_http_5xx=1)


def test_a_client_that_leaves_before_the_failure_is_not_rescued(weir: StartWeir) -> None:
    with two(hangs) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, {})))
        with Connection(served.port) as client:
            client.send(request_bytes("GET", "/", {"x-user-id": _USER}))
            wait_until(lambda: len(candidate.heads) == 1, "the candidate is asked")
            client.reset()
        wait_for_counted(served, v2_client_abort=1)
        assert not baseline.heads


# When the baseline fails too


@pytest.mark.parametrize("serve", [resets, says(b"garbage\r\n\r\n"), hangs], ids=["reset", "garbage", "no answer"])
def test_when_both_fail_it_is_a_clear_503(weir: StartWeir, serve: Callable[[Peer], None]) -> None:
    with two(always(_BUSY), baseline=serve) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, {}, timeouts={"responseHeader": "300ms"})))
        reply = ask(served)
        assert (reply.status, reply["x-weir-reason"]) == (503, "rescue_failed")
        assert reply.json()["error"]["code"] == "rescue_failed"
        wait_for_counted(served, rescued=1, v2_http_5xx=1)


def test_what_the_baseline_answers_is_the_answer(weir: StartWeir) -> None:
    with two(resets, baseline=always(_BUSY)) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, {})))
        reply = ask(served)
        assert (reply.status, reply.body, reply["x-weir-version"]) == (503, b"busy", "v1")
        wait_for_counted(served, rescued=1, v2_reset=1)


# How many


def test_a_budget_keeps_the_baseline_from_being_buried(weir: StartWeir) -> None:
    arrived = threading.Semaphore(0)
    go_on = threading.Event()

    def slow(peer: Peer) -> None:
        while peer.request():
            arrived.release()
            assert go_on.wait(30)
            peer.send(_OK)
    with two(always(_BUSY), baseline=slow) as (baseline, candidate), contextlib.ExitStack() as held:
        served = begun(weir(plan_for(baseline, candidate, {"minConcurrent": 2, "budget": "0%"})))
        clients = [held.enter_context(Connection(served.port)) for _ in range(2)]
        for client in clients:
            client.send(request_bytes("GET", "/", {"x-user-id": _USER}))
            assert arrived.acquire(timeout=30)
        assert ask(served).body == b"busy"
        assert metric(served, "weir_rescues_over_budget_total") == 1
        go_on.set()
        assert [client.reply().body for client in clients] == [b"v1"] * 2
        assert ask(served).body == b"v1"


def test_the_access_log_names_both_versions(weir: StartWeir, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "access.log"
    with two(always(_BUSY)) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate, {}, accessLog={"path": str(path)})))
        assert ask(served).body == b"v1"
        wait_until(lambda: path.exists() and path.read_text().endswith("}\n"), "a line is written")
    line = json.loads(path.read_text())
    found = {name: line[name] for name in ("status", "class", "version", "rescued_by", "attempts", "bytes_out")}
    assert found == {"status": 200, "class": "http_5xx", "version": "v2", "rescued_by": "v1", "attempts": 2, "bytes_out": 2}


def test_a_reload_turns_it_on(weir: StartWeir) -> None:
    with two(always(_BUSY)) as (baseline, candidate):
        served = begun(weir(plan_for(baseline, candidate)))
        assert ask(served).body == b"busy"
        served.write(plan_for(baseline, candidate, {}))
        served.cli("reload")
        assert ask(served).body == b"v1"
