"""Who gets which version: shares, stickiness, cookies, overrides (PRODUCT.md section 2, "Assignment")."""
from __future__ import annotations

import http.client
import math
import re
from typing import Any, Callable

import pytest
from assignment import arm, bucket
from exposition import Exposition
from http_client import Connection, Reply
from origin import Origin
from plans import Plan, at_weight, canary, route, version
from polling import wait_until
from steering import WITHOUT_LATENCY, answered_by, begun, set_weight, versions_of
from weir_harness import Weir

_USERS = [f"user-{i}" for i in range(300)]
_COOKIE = re.compile(r"^weir=([0-9a-f]{32})$")


def _expected(percent: float) -> dict[str, str]:
    return {user: arm(user, percent) for user in _USERS}


@pytest.fixture
def plan(origin: Callable[..., Origin]) -> Plan:
    return canary(origin("v1"), origin("v2"), at_weight(25), rollout={"analysis": WITHOUT_LATENCY})


def test_each_user_gets_what_the_formula_says(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir(plan))
    for percent in (25, 1, 0.2, 50, 95, 0):
        set_weight(running, percent)
        versions = versions_of(running.port, _USERS)
        assert versions == _expected(percent)
        share = sum(version == "v2" for version in versions.values()) / len(_USERS)
        weight = percent / 100
        assert abs(share - weight) <= 4 * math.sqrt(weight * (1 - weight) / len(_USERS))


def test_a_weight_only_moves_those_whom_it_has_to(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir(plan))
    on_candidate: list[set[str]] = []
    for percent in (5, 20, 60, 20, 5):
        set_weight(running, percent)
        versions = versions_of(running.port, _USERS)
        on_candidate.append({user for user, version in versions.items() if version == "v2"})
    five, twenty, sixty, twenty_again, five_again = on_candidate
    assert five < twenty < sixty
    # Those who came last go first.
    assert (twenty_again, five_again) == (twenty, five)


def test_each_request_may_be_split_by_itself(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    rollout = {"analysis": WITHOUT_LATENCY, "stickiness": {"scope": "request"}}
    running = begun(weir(canary(origin("v1"), origin("v2"), at_weight(50), rollout=rollout)))
    seen = [version for _ in range(40) for version in versions_of(running.port, ["one"]).values()]
    # 40 draws that are all alike: once in half a million million.
    assert set(seen) == {"v1", "v2"}


def test_assignment_outlives_a_restart_and_is_any_weirs(weir: Callable[..., Weir], plan: Plan) -> None:
    first, other = begun(weir(plan)), begun(weir(plan))
    before = versions_of(first.port, _USERS)
    assert versions_of(other.port, _USERS) == before
    first.stop()
    first.start()
    assert versions_of(first.port, _USERS) == before == _expected(25)


def test_another_revision_or_salt_meets_other_users(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir(plan))
    for says, salt in (({"revision": "two"}, "chat/v2/two"), ({"salt": "pepper"}, "pepper")):
        running.write({**plan, "rollouts": {"chat": {**plan["rollouts"]["chat"], **says}}})
        running.cli("reload")
        expected = {user: arm(user, 25, salt) for user in _USERS}
        assert expected != _expected(25)
        wait_until(lambda: running.admin.rollout()["weight_percent"] == 25, "the new rollout has begun")
        assert versions_of(running.port, _USERS) == expected


def test_static_weights_split_by_the_same_formula(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    versions = {name: version(origin(name)) for name in ("v1", "v2", "v3")}
    service = {"versions": versions, "weights": {"v1": 70, "v2": 25.5, "v3": 4.5},
               "stickiness": {"by": [{"header": "x-user-id"}]}}
    running = weir({"services": {"chat": service}, "routes": [route()]})

    def expected(user: str) -> str:
        at = bucket(user, "chat")
        return "v1" if at < 700_000 else "v2" if at < 955_000 else "v3"

    assert versions_of(running.port, _USERS) == {user: expected(user) for user in _USERS}


def test_the_first_entry_that_a_request_has_is_its_key(weir: Callable[..., Weir], plan: Plan) -> None:
    by = [{"header": "x-user-id"}, {"header": "x-session"}]
    running = begun(weir({**plan, "rollouts": {"chat": {**plan["rollouts"]["chat"], "stickiness": {"by": by}}}}))
    with Connection(running.port) as connection:
        for i in range(100):
            user, session = f"user-{i}", f"session-{i}"
            both = connection.request("GET", "/", {"x-session": session, "x-user-id": user})
            second = connection.request("GET", "/", {"x-session": session})
            empty = connection.request("GET", "/", {"x-user-id": "", "x-session": session})
            assert [answered_by(both), answered_by(second), answered_by(empty)] == [
                arm(user, 25), arm(session, 25), arm(session, 25)]
    assert Exposition(running.admin.metrics()).total("weir_requests_unkeyed_total") == 0


def test_requests_without_a_key_are_split_at_random_and_counted(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir(plan))
    with Connection(running.port) as connection:
        versions = [answered_by(connection.request("GET", "/")) for _ in range(800)]
    candidates = versions.count("v2")
    # Six standard deviations: one run in five hundred million is further off by chance.
    assert abs(candidates - 200) <= 6 * math.sqrt(800 * 0.25 * 0.75)
    assert Exposition(running.admin.metrics()).total("weir_requests_unkeyed_total") == 800

    def judged() -> bool:
        seen = running.admin.rollout()["requests_in_step"]
        return bool(seen == {"baseline": 800 - candidates, "candidate": candidates})
    wait_until(judged, "all of them are evidence")


@pytest.fixture
def by_cookie(weir: Callable[..., Weir], plan: Plan) -> Weir:
    stickiness = {"by": [{"header": "x-user-id"}, {"cookie": "weir"}]}
    return begun(weir({**plan, "rollouts": {"chat": {**plan["rollouts"]["chat"], "stickiness": stickiness}}}))


def _new_id(reply: Reply) -> str:
    lines = [value for name, value in reply.fields if name == "set-cookie"]
    assert len(lines) == 1, reply.fields
    pair, *attributes = lines[0].split("; ")
    match = _COOKIE.match(pair)
    assert match, lines[0]
    named = dict(attribute.partition("=")[::2] for attribute in attributes)
    assert named.keys() == {"Path", "Max-Age", "HttpOnly", "SameSite"}
    assert (named["Path"], named["SameSite"]) == ("/", "Lax") and int(named["Max-Age"]) > 24 * 3600
    return match[1]


def test_a_cookie_keeps_a_user_from_the_first_response_on(by_cookie: Weir) -> None:
    met = set()
    with Connection(by_cookie.port) as connection:
        for _ in range(40):
            first = connection.request("GET", "/")
            own = _new_id(first)
            assert answered_by(first) == arm(own, 25)
            again = connection.request("GET", "/", {"Cookie": f"theme=dark; weir={own}; lang=en"})
            assert answered_by(again) == arm(own, 25) and again["set-cookie"] is None
            met.add((own, answered_by(first)))
    assert len({own for own, _ in met}) == 40 and {version for _, version in met} == {"v1", "v2"}
    assert Exposition(by_cookie.admin.metrics()).total("weir_requests_unkeyed_total") == 0


def test_a_cookie_that_no_weir_wrote_is_replaced(by_cookie: Weir) -> None:
    forged = ["v2", "", "0" * 31, "0" * 33, "0123456789ABCDEF" * 2, "g" * 32, f'"{"0" * 32}"']
    with Connection(by_cookie.port) as connection:
        for value in forged:
            reply = connection.request("GET", "/", {"Cookie": f"weir={value}"})
            own = _new_id(reply)
            assert own != value and answered_by(reply) == arm(own, 25), value
        other_name = connection.request("GET", "/", {"Cookie": f"xweir={'0' * 32}"})
        assert _new_id(other_name)


def test_who_has_a_header_gets_no_cookie(by_cookie: Weir) -> None:
    with Connection(by_cookie.port) as connection:
        reply = connection.request("GET", "/", {"x-user-id": "user-1"})
    assert reply["set-cookie"] is None and answered_by(reply) == arm("user-1", 25)


def _from(address: str, port: int, fields: dict[str, str]) -> tuple[int, str | None]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15, source_address=(address, 0))
    try:
        connection.request("GET", "/", headers=fields)
        reply = connection.getresponse()
        reply.read()
        return reply.status, reply.getheader("x-weir-version")
    finally:
        connection.close()


_OVERRIDES: list[dict[str, Any]] = [
    {"match": {"header": {"name": "x-weir-version", "exact": "v2"}}, "version": "v2", "from": ["127.0.0.2/32"]},
    {"match": {"header": {"name": "x-weir-version", "exact": "v1"}}, "version": "v1", "from": ["127.0.0.2/32"]},
]


@pytest.fixture
def with_overrides(weir: Callable[..., Weir], plan: Plan) -> Weir:
    """Nobody is on the candidate but by an override."""
    rollout = {**plan["rollouts"]["chat"], "steps": at_weight(0), "overrides": _OVERRIDES}
    return begun(weir({**plan, "rollouts": {"chat": rollout}}))


def test_overrides_are_for_the_named_addresses_alone(with_overrides: Weir) -> None:
    port = with_overrides.port
    choice = {"x-weir-version": "v2", "x-user-id": "user-1"}
    assert _from("127.0.0.2", port, choice) == (200, "v2")
    assert _from("127.0.0.1", port, choice) == (200, "v1")
    assert _from("127.0.0.3", port, choice) == (200, "v1")
    # Who says where a request comes from is the socket, not a header that anybody can send.
    assert _from("127.0.0.1", port, {**choice, "x-forwarded-for": "127.0.0.2"}) == (200, "v1")
    # Any other value chooses nothing.
    assert _from("127.0.0.2", port, {**choice, "x-weir-version": "V2"}) == (200, "v1")
    set_weight(with_overrides, 95)
    assert _from("127.0.0.2", port, {**choice, "x-weir-version": "v1"}) == (200, "v1")


def test_overridden_requests_are_counted_but_are_no_evidence(with_overrides: Weir) -> None:
    set_weight(with_overrides, 25)
    candidates = [user for user in _USERS if arm(user, 25) == "v2"][:20]
    others = [user for user in _USERS if arm(user, 25) == "v1"][:30]
    for user in candidates:  # on either side of where the split would have put them
        assert _from("127.0.0.2", with_overrides.port, {"x-weir-version": "v1", "x-user-id": user}) == (200, "v1")
    for user in others:
        assert _from("127.0.0.2", with_overrides.port, {"x-weir-version": "v2", "x-user-id": user}) == (200, "v2")
    versions_of(with_overrides.port, candidates[:7] + others[:9])
    metrics = wait_until(lambda: _with_total(with_overrides, "weir_requests_total", 66), "all requests are in /metrics")
    assert metrics.total("weir_requests_total", version="v2") == 37
    assert metrics.total("weir_requests_overridden_total") == 50
    # The 16 that the split assigned have been judged by now, so the others would have been as well.
    wait_until(lambda: with_overrides.admin.rollout()["requests_in_step"]["baseline"] >= 9, "requests are judged")
    assert with_overrides.admin.rollout()["requests_in_step"] == {"baseline": 9, "candidate": 7}


def _with_total(weir: Weir, name: str, value: float) -> Exposition | None:
    metrics = Exposition(weir.admin.metrics())
    return metrics if metrics.total(name) == value else None


def test_no_override_reaches_a_rolled_back_candidate(with_overrides: Weir) -> None:
    choice = {"x-weir-version": "v2", "x-user-id": "user-1"}
    assert _from("127.0.0.2", with_overrides.port, choice) == (200, "v2")
    with_overrides.cli("abort", "chat")
    with_overrides.wait_phase("rolledBack")
    assert _from("127.0.0.2", with_overrides.port, choice) == (200, "v1")
