"""Several endpoints of one version: who gets a request, and who is left out for what its requests show."""
from __future__ import annotations

import collections
import contextlib
from typing import Any, Callable

import pytest
from exposition import Exposition
from http_client import Connection, Reply, get, request_bytes
from origin import Origin
from outcomes import metric
from plans import Plan, one_version, version
from polling import wait_until
from ports import unanswering_port
from raw_origin import Peer, RawOrigin, always
from weir_harness import Weir

StartWeir = Callable[..., Weir]
StartOrigin = Callable[..., Origin]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-origin: raw\r\n\r\n"
BY_SESSION = {"policy": "hash", "by": [{"header": "x-session"}, {"cookie": "session"}]}


def endpoints(*origins: Any, top: Plan | None = None, **rest: Any) -> Plan:
    """One version at these origins, with these keys."""
    plan = one_version(origins[0], workers=1, **(top or {}))
    plan["services"]["chat"]["versions"]["v1"] = {**version(*origins), **rest}
    return plan


def served_by(weir: Weir, fields: dict[str, str] | None = None) -> str | None:
    return get(weir.port, "/", fields or {})["x-origin"]


def post(weir: Weir) -> Reply:
    """Nobody sends it again."""
    with Connection(weir.port) as client:
        return client.request("POST", "/", {"Connection": "close"}, b"x")


# Policies


def test_round_robin_takes_one_after_the_other(weir: StartWeir, origin: StartOrigin) -> None:
    served = weir(endpoints(*(origin(name) for name in "abc"), loadBalancing={"policy": "roundRobin"}))
    taken = [served_by(served) for _ in range(12)]
    assert collections.Counter(taken) == {"a": 4, "b": 4, "c": 4}
    assert all(taken[i] == taken[i % 3] for i in range(12))


def test_hash_keeps_a_key_at_its_endpoint(weir: StartWeir, origin: StartOrigin) -> None:
    served = weir({**endpoints(*(origin(name) for name in "abcd"), loadBalancing=BY_SESSION), "workers": 2})
    by_header = {f"s{i}": served_by(served, {"x-session": f"s{i}"}) for i in range(40)}
    assert set(by_header.values()) == set("abcd")
    for key, owner in by_header.items():
        assert served_by(served, {"x-session": key}) == owner
        # The same key, wherever it stands; a cookie is the application's, and is not set.
        reply = get(served.port, "/", {"cookie": f"a=1; session={key}"})
        assert reply["x-origin"] == owner and reply["set-cookie"] is None
    assert get(served.port)["set-cookie"] is None


def test_hash_moves_only_the_keys_of_what_a_reload_takes_away(weir: StartWeir, origin: StartOrigin) -> None:
    origins = [origin(name) for name in "abcd"]
    served = weir(endpoints(*origins, loadBalancing=BY_SESSION))
    keys = [f"s{i}" for i in range(60)]
    before = {key: served_by(served, {"x-session": key}) for key in keys}
    served.write(endpoints(origins[3], origins[0], origins[1], loadBalancing=BY_SESSION))  # without c, in another order
    served.cli("reload")
    for key in keys:
        owner = served_by(served, {"x-session": key})
        assert owner == before[key] if before[key] != "c" else owner in set("abd")


# Of two endpoints and a load of three a hash gives one two at the most.
@pytest.mark.parametrize("policy, most", [({"policy": "leastRequest"}, 1), ({**BY_SESSION, "maxLoad": "125%"}, 2)])
def test_who_lets_nobody_in_is_no_idle_one(policy: Plan, most: int, weir: StartWeir, origin: StartOrigin) -> None:
    with unanswering_port() as hung, contextlib.ExitStack() as waiting:
        plan = endpoints(origin("a"), origin("b"), loadBalancing=policy, top={"timeouts": {"connect": "10m"}})
        made = plan["services"]["chat"]["versions"]["v1"]["endpoints"]
        plan["services"]["chat"]["versions"]["v1"]["endpoints"] = [made[0], f"http://127.0.0.1:{hung}"]
        served = weir(plan)

        def held() -> float:
            return Exposition(served.admin.metrics()).total("weir_upstream_endpoint_connections", endpoint=f"http://127.0.0.1:{hung}")

        for i in range(30):
            client = waiting.enter_context(Connection(served.port))
            client.send(request_bytes("GET", "/", {"x-session": f"s{i}"}))
        # Who is still being answered would make the other endpoint the busier one for a moment.
        wait_until(lambda: held() >= most and metric(served, "weir_requests_total") + held() == 30, "who can be answered is")
        assert [served_by(served, {"x-session": f"t{i}"}) for i in range(30)] == ["a"] * 30


# Left out


def _hang(peer: Peer) -> None:
    peer.request()
    peer.wait_for_close()


def _reset(peer: Peer) -> None:
    peer.request()
    peer.reset()


BAD = {
    "502": (always(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"), 502),
    "503": (always(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"), 503),
    "504": (always(b"HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\n\r\n"), 504),
    "garbage": (always(b"nothing of HTTP\r\n\r\n"), 502),
    "reset": (_reset, 502),
    "hangs": (_hang, 504),
}


@pytest.mark.parametrize("fault", BAD)
def test_default_outlier_leaves_out_an_endpoint_whose_requests_fail(weir: StartWeir, origin: StartOrigin, fault: str) -> None:
    script, status = BAD[fault]
    with RawOrigin(script) as bad:
        served = weir(endpoints(origin("good"), bad, loadBalancing={"policy": "roundRobin"},
                                top={"timeouts": {"responseHeader": "500ms"}} if fault == "hangs" else None))
        seen = [post(served).status for _ in range(10)]
        assert collections.Counter(seen) == {200: 5, status: 5}
        # Counted once the answer is through.
        wait_until(lambda: metric(served, "weir_upstream_ejections_total") == 1, "it is left out")
        asked = len(bad.heads)
        assert all(post(served).status == 200 for _ in range(20))
        assert len(bad.heads) == asked


@pytest.mark.parametrize("reply", [
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n",  # busy, not broken
    b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",  # its own opinion of a request
    b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n",
])
def test_an_endpoint_that_answers_for_itself_stays_in(weir: StartWeir, origin: StartOrigin, reply: bytes) -> None:
    with RawOrigin(always(reply)) as busy:
        served = weir(endpoints(origin("good"), busy, loadBalancing={"policy": "roundRobin"}))
        assert collections.Counter(get(served.port).status == 200 for _ in range(30)) == {True: 15, False: 15}
        assert metric(served, "weir_upstream_ejections_total") == 0


def test_an_endpoint_comes_back_after_its_ejection(weir: StartWeir, origin: StartOrigin) -> None:
    failing = origin("b", status=503)
    served = weir(endpoints(origin("a"), failing, outlier={"consecutiveFailures": 2, "ejection": "500ms"},
                            loadBalancing={"policy": "roundRobin"}))
    wait_until(lambda: get(served.port) and metric(served, "weir_upstream_ejections_total") == 1, "b is left out")
    failing.set(status=200)
    wait_until(lambda: served_by(served) == "b", "b is asked again")


def test_default_outlier_uses_all_when_all_are_out(weir: StartWeir, origin: StartOrigin) -> None:
    both = [origin(name, status=503) for name in "ab"]
    served = weir(endpoints(*both, outlier={"consecutiveFailures": 2, "ejection": "1h", "maxEjection": "1h",
                                            "maxEjected": "100%"}))
    wait_until(lambda: get(served.port) and metric(served, "weir_upstream_ejections_total") == 2, "both are left out")
    for one in both:
        one.set(status=200)
    assert {served_by(served) for _ in range(40)} == {"a", "b"}


@pytest.mark.parametrize("most, out", [("0%", 0), ("25%", 1), ("50%", 2), ("100%", 3)])
def test_no_more_are_left_out_than_may_be(most: str, out: int, weir: StartWeir, origin: StartOrigin) -> None:
    """Of four, three of which fail whatever they are asked."""
    all_of_them = [origin("good"), *(origin(name, status=503) for name in "abc")]
    served = weir(endpoints(*all_of_them, loadBalancing={"policy": "roundRobin"}, outlier={
        "consecutiveFailures": 2, "ejection": "1h", "maxEjection": "1h", "maxEjected": most}))
    for _ in range(24):
        post(served)
    wait_until(lambda: metric(served, "weir_upstream_ejections_total") == out, "as many are out as may be")
    share = 24 // (4 - out)
    assert collections.Counter(post(served).status == 200 for _ in range(24))[True] == share
    assert metric(served, "weir_upstream_ejections_total") == out


def test_a_reload_brings_nobody_back(weir: StartWeir, origin: StartOrigin) -> None:
    good, failing = origin("a"), origin("b", status=503)
    settings = {"outlier": {"consecutiveFailures": 2, "ejection": "1h", "maxEjection": "1h"},
                "loadBalancing": {"policy": "roundRobin"}}
    served = weir(endpoints(good, failing, **settings))
    wait_until(lambda: get(served.port) and metric(served, "weir_upstream_ejections_total") == 1, "b is left out")
    failing.set(status=200)
    third = origin("c")
    served.write(endpoints(good, failing, third, **settings))
    served.cli("reload")
    assert {served_by(served) for _ in range(20)} == {"a", "c"}


def test_a_reload_that_leaves_nobody_out_brings_all_back(weir: StartWeir, origin: StartOrigin) -> None:
    good, failing = origin("a"), origin("b", status=503)
    settings = {"consecutiveFailures": 1, "ejection": "1h", "maxEjection": "1h"}
    served = weir(endpoints(good, failing, outlier=settings))
    wait_until(lambda: get(served.port) and metric(served, "weir_upstream_ejections_total") == 1, "b is left out")
    failing.set(status=200)
    served.write(endpoints(good, failing, outlier="off"))
    served.cli("reload")
    wait_until(lambda: metric(served, "weir_upstream_endpoint_ejected") == 0, "nobody is left out")
    wait_until(lambda: served_by(served) == "b", "b is asked again")
    wait_until(lambda: "endpoint_back" in served.log(), "the log says so")


def test_nobody_is_left_out_when_that_is_off(weir: StartWeir, origin: StartOrigin) -> None:
    served = weir(endpoints(origin("a"), origin("b", status=503), outlier="off",
                            loadBalancing={"policy": "roundRobin"}))
    assert collections.Counter(get(served.port).status for _ in range(40)) == {200: 20, 503: 20}
