"""`scope: session`: a conversation stays on the version that it began on while the weight moves, and only a rollback takes it
away from there."""
from __future__ import annotations

import json
from typing import Any, Callable

import pytest
from assignment import arm
from exposition import Exposition
from http_client import Connection, post
from load import Load
from origin import Origin
from plans import Plan, at_weight, canary, version
from polling import wait_until
from steering import WITHOUT_LATENCY, answered_by, begun, changed, set_weight, versions_of
from weir_harness import Weir

_SESSIONS = [f"session-{i}" for i in range(200)]
_NEW = [f"new-{i}" for i in range(200)]


@pytest.fixture(name="plan")
def _plan(origin: Callable[..., Origin]) -> Plan:
    stickiness = {"by": [{"header": "x-user-id"}], "scope": "session", "expiry": "1h"}
    return canary(origin("v1"), origin("v2"), at_weight(20), workers=3,
                  rollout={"stickiness": stickiness, "analysis": WITHOUT_LATENCY})


@pytest.fixture(name="served")
def _served(weir: Callable[..., Weir], plan: Plan) -> Weir:
    return begun(weir(plan))


def expected(users: list[str], percent: float) -> dict[str, str]:
    return {user: arm(user, percent) for user in users}


def counted(weir: Weir, name: str) -> float:
    return Exposition(weir.admin.metrics()).total(name)


def on_connections_of_their_own(port: int, users: list[str]) -> dict[str, str]:
    """Which any of the workers may get."""
    versions = {}
    for user in users:
        with Connection(port) as connection:
            versions[user] = answered_by(connection.request("GET", "/", {"x-user-id": user}))
    return versions


def test_a_session_stays_while_the_weight_moves(served: Weir) -> None:
    before = versions_of(served.port, _SESSIONS)
    assert before == expected(_SESSIONS, 20)
    set_weight(served, 60)
    assert on_connections_of_their_own(served.port, _SESSIONS) == before
    assert versions_of(served.port, _NEW) == expected(_NEW, 60)
    set_weight(served, 1)
    assert versions_of(served.port, _SESSIONS) == before
    assert on_connections_of_their_own(served.port, _NEW) == expected(_NEW, 60)
    assert counted(served, "weir_requests_kept_total") == 3 * 200
    assert counted(served, "weir_sessions_forgotten_total") == 0


def test_only_those_are_judged_whom_the_step_has_assigned(served: Weir) -> None:
    versions_of(served.port, _SESSIONS)
    set_weight(served, 60)
    versions_of(served.port, _SESSIONS)
    for _ in range(2):  # a session that began in this step counts with all its requests
        versions_of(served.port, _NEW)
    on_v2 = sum(version == "v2" for version in expected(_NEW, 60).values())
    wait_until(lambda: sum(served.admin.rollout()["requests_in_step"].values()) >= 400, "the new ones are judged")
    assert served.admin.rollout()["requests_in_step"] == {"baseline": 2 * (200 - on_v2), "candidate": 2 * on_v2}


# A user counts once no request of his can still be under way unseen, and without what a latency is held against that takes
# a minute. So high that nothing here is slower.
_SLOW: Plan = {"metric": "latency", "allowedDegradation": {"absolute": "1s"}}
_WITH_LATENCY: Plan = {"guards": [{**_SLOW, "quantile": 0.5}, {**_SLOW, "quantile": 0.99}]}


def test_sessions_that_are_kept_are_no_alarm(weir: Callable[..., Weir], plan: Plan) -> None:
    # 400 sessions that began at 1 % go on at 25 %: were they held against the split, it would seem broken.
    running = begun(weir(changed(plan, steps=at_weight(1), analysis=_WITH_LATENCY)))
    kept = [f"user-{i}" for i in range(400)]

    def is_armed() -> bool:
        versions_of(running.port, kept)
        return bool(next(guard for guard in running.admin.rollout()["guards"] if guard["name"] == "latency p50")["armed"])

    def counted_users() -> float:
        split = running.admin.rollout()["split"]
        return float(split["baseline"] + split["candidate"])

    wait_until(is_armed, "the baseline's latency is known")
    set_weight(running, 25)
    with Load(running.port, rate=200, users=300, user_prefix="fresh", connections=16) as load:
        for _ in range(3):
            versions_of(running.port, kept)
        wait_until(lambda: counted_users() >= 280, "those who came in this step are counted", timeout_s=60)
        load.stop()
    rollout = running.admin.rollout()
    assert rollout["phase"] == "running" and not rollout["split"]["alarm"], rollout
    assert counted_users() <= 310  # and none of the 400
    assert counted(running, "weir_requests_kept_total") == 3 * 400


def test_a_rollback_keeps_nobody(served: Weir) -> None:
    assert "v2" in versions_of(served.port, _SESSIONS).values()
    served.cli("abort", "chat")
    served.wait_phase("rolledBack")
    assert set(versions_of(served.port, _SESSIONS).values()) == {"v1"}


def rolled_back(weir: Weir) -> None:
    weir.cli("abort", "chat")
    weir.wait_phase("rolledBack")


def to_v3(plan: Plan, third: Origin) -> Plan:
    """v2 is still there, and no longer the candidate."""
    versions = {**plan["services"]["chat"]["versions"], "v3": version(third)}
    services = {"chat": {**plan["services"]["chat"], "versions": versions}}
    return changed({**plan, "services": services}, candidate="v3", steps=at_weight(1))


def test_who_was_idle_during_a_rollback_is_not_sent_back_by_the_next_plan(served: Weir, plan: Plan,
                                                                          origin: Callable[..., Origin]) -> None:
    before = versions_of(served.port, _SESSIONS)
    assert "v2" in before.values()
    rolled_back(served)
    served.write(to_v3(plan, origin("v3")))
    served.cli("reload")
    begun(served)
    wait_until(lambda: served.admin.rollout()["candidate"] == "v3", "the next rollout has begun")
    after = on_connections_of_their_own(served.port, _SESSIONS)
    assert "v2" not in after.values()
    # A conversation of the baseline's goes on.
    assert all(after[session] == "v1" for session in _SESSIONS if before[session] == "v1")


def test_nor_by_weights(served: Weir, plan: Plan) -> None:
    assert "v2" in versions_of(served.port, _SESSIONS).values()
    rolled_back(served)
    stickiness = plan["rollouts"]["chat"]["stickiness"]
    for weights in ({"v1": 100, "v2": 0}, {"v1": 99, "v2": 1}):
        chat = {**plan["services"]["chat"], "weights": weights, "stickiness": stickiness}
        served.write({**{key: value for key, value in plan.items() if key != "rollouts"}, "services": {"chat": chat}})
        served.cli("reload")
    assert list(on_connections_of_their_own(served.port, _SESSIONS).values()).count("v2") < 10


@pytest.mark.parametrize("idle", [True, False])
def test_a_retry_begins_anew_with_everybody(idle: bool, served: Weir) -> None:
    set_weight(served, 60)
    assert versions_of(served.port, _SESSIONS) == expected(_SESSIONS, 60)
    rolled_back(served)
    if not idle:
        assert set(versions_of(served.port, _SESSIONS).values()) == {"v1"}
    kept = counted(served, "weir_requests_kept_total")
    served.cli("retry", "chat")
    wait_until(lambda: served.admin.rollout()["weight_percent"] == 20, "it is tried once more")
    assert on_connections_of_their_own(served.port, _SESSIONS) == expected(_SESSIONS, 20)
    assert counted(served, "weir_requests_kept_total") == kept


def test_so_does_a_new_revision(served: Weir, plan: Plan) -> None:
    set_weight(served, 60)
    assert versions_of(served.port, _SESSIONS) == expected(_SESSIONS, 60)
    salt = plan["rollouts"]["chat"].get("salt", "chat/v2/")
    served.write(changed(plan, revision="next", salt=salt))
    served.cli("reload")
    wait_until(lambda: served.admin.rollout()["revision"] == "next", "it is another one")
    begun(served)
    assert on_connections_of_their_own(served.port, _SESSIONS) == expected(_SESSIONS, 20)


def test_the_next_rollout_leaves_those_of_the_promoted_version(served: Weir, plan: Plan,
                                                               origin: Callable[..., Origin]) -> None:
    before = versions_of(served.port, _SESSIONS)
    served.cli("promote", "chat", "--full")
    wait_until(lambda: served.admin.rollout()["weight_percent"] == 95, "all but the holdback are moved")
    served.cli("promote", "chat")
    served.wait_phase("promoted")
    served.write(changed(to_v3(plan, origin("v3")), baseline="v2", steps=at_weight(50)))
    served.cli("reload")
    wait_until(lambda: served.admin.rollout()["candidate"] == "v3", "the next rollout has begun")
    begun(served)
    assert on_connections_of_their_own(served.port, _SESSIONS) == before


def test_a_promotion_leaves_sessions_where_they_are(served: Weir) -> None:
    before = versions_of(served.port, _SESSIONS)
    served.cli("promote", "chat", "--full")
    wait_until(lambda: served.admin.rollout()["weight_percent"] == 95, "all but the holdback are moved")
    served.cli("promote", "chat")
    served.wait_phase("promoted")
    assert versions_of(served.port, _SESSIONS) == before
    assert set(versions_of(served.port, _NEW).values()) == {"v2"}


def test_a_reload_ends_no_session(served: Weir, plan: Plan) -> None:
    before = versions_of(served.port, _SESSIONS)
    set_weight(served, 60)
    served.write({**plan, "limits": {"body": "1MiB"}})
    served.cli("reload")
    assert versions_of(served.port, _SESSIONS) == before
    # Kept by nothing any more.
    served.write(changed(plan, stickiness={"by": [{"header": "x-user-id"}]}))
    served.cli("reload")
    wait_until(lambda: versions_of(served.port, _SESSIONS) == expected(_SESSIONS, 60), "users are split anew")


def test_a_session_may_be_told_by_the_body(weir: Callable[..., Weir], plan: Plan) -> None:
    stickiness = {"by": [{"body": "metadata.session_id"}], "scope": "session"}
    running = begun(weir(changed(plan, stickiness=stickiness)))

    def ask(session: str) -> str:
        said: dict[str, Any] = {"messages": "x" * 1000, "metadata": {"session_id": session}}
        return answered_by(post(running.port, "/", json.dumps(said).encode(), {"content-type": "application/json"}))

    before = {session: ask(session) for session in _SESSIONS[:40]}
    assert before == expected(_SESSIONS[:40], 20)
    set_weight(running, 90)
    assert {session: ask(session) for session in _SESSIONS[:40]} == before
    assert {session: ask(session) for session in _NEW[:40]} == expected(_NEW[:40], 90)
