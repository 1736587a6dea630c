"""Blue-green: the candidate is shown, judged on a few, then switched to at once; and the old version is one word away."""
from __future__ import annotations

from typing import Any, Callable

import pytest
from assignment import arm
from exposition import Exposition
from http_client import Connection
from load import Load
from origin import Origin
from plans import BY_USER, Plan, route, version
from polling import wait_until
from steering import WITHOUT_LATENCY, answered_by, begun, changed, decisions, versions_of
from webhook_receiver import Receiver
from weir_harness import Weir, run_cli

_USERS = [f"user-{i}" for i in range(200)]
_LONG: Plan = {"atLeast": "1h", "atMost": "2h"}


@pytest.fixture(name="origins")
def _origins(origin: Callable[..., Origin]) -> tuple[Origin, Origin]:
    return origin("v1"), origin("v2")


@pytest.fixture(name="plan")
def _plan(origins: tuple[Origin, Origin]) -> Callable[..., Plan]:
    def make(preview: float, **rollout: Any) -> Plan:
        shown = {"match": {"header": {"name": "x-weir-version", "exact": "v2"}}, "version": "v2", "from": ["127.0.0.1"]}
        return {
            "services": {"chat": {"versions": {"v1": version(origins[0]), "v2": version(origins[1])}}},
            "routes": [route()],
            "rollouts": {"chat": {"baseline": "v1", "candidate": "v2", "strategy": "blueGreen", "stickiness": BY_USER,
                                  "overrides": [shown], "previewWeight": preview, "bakeHold": _LONG,
                                  "analysis": WITHOUT_LATENCY, **rollout}},
        }
    return make


def test_what_an_override_shows_is_never_judged(weir: Callable[..., Weir], plan: Callable[..., Plan],
                                                origins: tuple[Origin, Origin]) -> None:
    running = begun(weir(plan(0)))
    with Connection(running.port) as connection:
        assert answered_by(connection.request("GET", "/", {"x-user-id": "user-1"})) == "v1"
        preview = {"x-user-id": "user-1", "x-weir-version": "v2"}
        assert answered_by(connection.request("GET", "/", preview)) == "v2"
        origins[1].set(status=500)
        for i in range(50):
            reply = connection.request("GET", "/", {**preview, "x-user-id": f"user-{i}"})
            assert (reply.status, reply["x-weir-version"]) == (500, "v2")
            assert answered_by(connection.request("GET", "/", {"x-user-id": f"user-{i}"})) == "v1"
    wait_until(lambda: Exposition(running.admin.metrics()).total("weir_requests_total", version="v2") == 51,
               "all are counted")
    rollout = running.admin.rollout()
    assert (rollout["phase"], rollout["weight_percent"], rollout["strategy"]) == ("paused", 0, "blueGreen")
    assert rollout["waits"] == ["pause: until `weir promote chat`"]
    assert all(guard["candidate_since_start"]["n"] == 0 for guard in rollout["guards"])
    assert decisions(running) == ["start"]
    assert "blue-green  step 1 of 2" in running.cli("status").stdout


def test_all_but_the_holdback_are_switched_and_switched_back_at_once(weir: Callable[..., Weir],
                                                                     plan: Callable[..., Plan]) -> None:
    running = begun(weir(plan(0)))
    assert set(versions_of(running.port, _USERS).values()) == {"v1"}
    running.cli("promote", "chat")
    assert versions_of(running.port, _USERS) == {user: arm(user, 95) for user in _USERS}
    assert running.admin.rollout()["phase"] == "baking"
    running.cli("abort", "chat")
    assert set(versions_of(running.port, _USERS).values()) == {"v1"}
    assert [record["weight_after_percent"] for record in running.admin.history()[::-1]] == [0, 95, 0]


def test_a_bad_candidate_ends_in_the_preview(weir: Callable[..., Weir], plan: Callable[..., Plan],
                                             origins: tuple[Origin, Origin]) -> None:
    origins[1].set(status=500)
    running = begun(weir(plan(20, previewHold={"atLeast": "1s", "minRequests": 20})))
    with Load(running.port, rate=200, users=200) as load:
        rollout = running.wait_phase("rolledBack")
        load.stop()
    assert rollout["reason"].startswith("errorRate: ")
    assert [record["weight_after_percent"] for record in running.admin.history()[::-1]] == [20, 0]
    with Connection(running.port) as connection:  # not even who asks for it gets it
        assert answered_by(connection.request("GET", "/", {"x-weir-version": "v2"})) == "v1"


def test_a_good_candidate_is_switched_by_itself(weir: Callable[..., Weir], plan: Callable[..., Plan]) -> None:
    wide = {"guards": [*WITHOUT_LATENCY["guards"], {"metric": "errorRate", "allowedDegradation": {"absolute": "10%"}},
                       *({"metric": metric, "gate": False} for metric in ("capacityRate", "clientErrorRate",
                                                                          "clientAbortRate"))]}
    running = begun(weir(plan(20, previewHold={"atLeast": "1s", "minRequests": 20}, analysis=wide)))
    with Load(running.port, rate=200, users=200) as load:
        running.wait_phase("baking")
        load.stop()
    advance = running.admin.history()[0]
    assert (advance["decision"], advance["weight_after_percent"]) == ("advance", 95)
    assert advance["reason"] == "switched: the preview at 20% is over"
    assert versions_of(running.port, _USERS) == {user: arm(user, 95) for user in _USERS}


def test_an_edit_of_the_preview_moves_nobody(weir: Callable[..., Weir], plan: Callable[..., Plan]) -> None:
    running = begun(weir(plan(20, previewHold={"atLeast": "1h", "atMost": "2h", "minRequests": 7})))

    def edited(preview: float) -> Any:
        edits = decisions(running).count("edit")
        running.write(changed(running.plan, previewWeight=preview))
        running.cli("reload")
        wait_until(lambda: decisions(running).count("edit") > edits, "the edit is in force")
        rollout = running.admin.rollout()  # before users come, who count
        assert versions_of(running.port, _USERS) == {user: arm(user, 20) for user in _USERS}
        return rollout

    for preview in 30, 5:  # its own hold, not a default one that would switch everybody after two minutes
        rollout = edited(preview)
        assert rollout["phase"] == "running" and "min_requests: 0 of 7" in rollout["waits"], rollout
    edited(40)
    running.cli("promote", "chat")
    assert running.admin.rollout()["weight_percent"] == 40
    running.cli("weight", "chat", "0")
    rollout = running.admin.rollout()
    assert (rollout["phase"], rollout["waits"]) == ("paused", ["pause: until `weir promote chat`"])


def test_who_stops_the_old_version_is_told_once(weir: Callable[..., Weir], plan: Callable[..., Plan],
                                                receiver: Callable[..., Receiver]) -> None:
    hook = receiver()
    hooks = [{"type": "event", "name": "scaler", "url": hook.url()}]
    running = begun(weir(plan(0, webhooks=hooks, scaleDownDelay="1h")))
    running.cli("promote", "chat")
    running.cli("promote", "chat")
    hook.wait_for("start", "advance", "promote")
    assert running.admin.rollout()["waits"][0].startswith("scale_down: v1 is kept for another ")
    # The delay that holds is the plan's, and it goes on where it was.
    running.kill()
    running.write(changed(running.plan, scaleDownDelay="1s"))
    running.start()
    hook.wait_for("start", "advance", "promote", "scaleDown")
    told = hook.deliveries[-1].event
    assert (told["phase"], told["weight_percent"], told["baseline"]) == ("promoted", 100, "v1")
    assert told["message"] == "1s after the promotion: v1 serves nobody, and may be stopped"
    running.kill()
    running.start()
    wait_until(lambda: not running.admin.rollout()["waits"], "nothing is waited for")
    assert decisions(running) == ["start", "advance", "promote", "scaleDown"]
    assert set(versions_of(running.port, _USERS).values()) == {"v2"}
    running.cli("undo", "chat")
    assert set(versions_of(running.port, _USERS).values()) == {"v1"}
    hook.wait_for("start", "advance", "promote", "scaleDown", "rollback")


def test_explain_tells_the_preview_from_the_bake(new_weir: Callable[..., Weir], plan: Callable[..., Plan]) -> None:
    judged = new_weir(plan(2))
    text = run_cli("explain", str(judged.file), "--rps", "100").stdout
    assert "step 1 is the preview, on 2 % of the users; step 2 is the bake, after the switch of 95 %" in " ".join(text.split())
    text = run_cli("explain", str(new_weir(plan(0)).file), "--rps", "100").stdout
    assert "in step 1 only overrides show the candidate" in " ".join(text.split())
    played = run_cli("simulate", str(judged.file), "--rps", "100", "--regress", "errors=20%")
    assert played.returncode == 0 and "rolled back after" in played.stdout, played
