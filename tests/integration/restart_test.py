"""What a rollout is survives restarts, in every kind of hold."""
from __future__ import annotations

import json
from typing import Callable

import pytest
from load import Load
from origin import Origin
from plans import at_weight, canary, step
from polling import wait_until
from steering import WITHOUT_LATENCY, begun, changed, decisions, phase_and_weight, set_weight, standing, versions_of
from weir_harness import Weir

_USERS = [f"user-{i}" for i in range(100)]
# Over as soon as it has begun: without analysis a hold is only a time.
_NO_HOLD = {"atLeast": "0s", "atMost": "1s"}


@pytest.fixture
def arms(origin: Callable[..., Origin]) -> tuple[Origin, Origin]:
    return origin("v1"), origin("v2")


def _restart(weir: Weir, end: str = "stopped") -> None:
    if end == "killed":
        weir.kill()
    else:
        weir.stop()
    begun(weir.start())


# In order, or by kill -9.
_either_end = pytest.mark.parametrize("end", ["stopped", "killed"])


def test_everything_survives_a_restart(weir: Callable[..., Weir], arms: tuple[Origin, Origin]) -> None:
    running = begun(weir(canary(*arms, at_weight(5), rollout={"analysis": WITHOUT_LATENCY})))
    set_weight(running, 20)
    running.cli("abort", "chat")
    running.cli("retry", "chat")
    for percent in (30, 12.3456):
        set_weight(running, percent)
    before, users = standing(running), versions_of(running.port, _USERS)
    elapsed_s = running.admin.rollout()["elapsed_s"]
    for _ in range(2):
        _restart(running)
        assert standing(running) == before
        assert versions_of(running.port, _USERS) == users
    assert (before["attempt"], before["step_id"], before["weight_percent"]) == (2, 6, 12.3456)
    assert [record["decision"] for record in before["history"]] == ["weight", "weight", "start", "rollback", "weight",
                                                                    "start"]
    assert running.admin.rollout()["elapsed_s"] >= elapsed_s


def test_rolled_back_stays_so_until_it_is_tried_again(weir: Callable[..., Weir], arms: tuple[Origin, Origin]) -> None:
    plan = canary(*arms, at_weight(20), rollout={"analysis": WITHOUT_LATENCY})
    running = begun(weir(plan))
    running.cli("abort", "chat")
    before = standing(running)
    assert (before["phase"], before["weight_percent"]) == ("rolledBack", 0)
    _restart(running)
    assert standing(running) == before
    running.write(changed(plan, steps=at_weight(40)))
    running.cli("reload")
    assert standing(running) == before
    _restart(running)
    assert standing(running) == before
    assert set(versions_of(running.port, _USERS).values()) == {"v1"}
    for command in ("promote", "resume", "pause", "abort", "undo"):
        assert running.cli(command, "chat", check=False).returncode != 0
    running.cli("retry", "chat")
    rollout = running.wait_phase("running")
    assert (rollout["weight_percent"], rollout["attempt"]) == (40, 2)
    assert decisions(running) == ["start", "rollback", "start"]


def test_promoted_stays_promoted_until_the_plan_says_otherwise(weir: Callable[..., Weir],
                                                               arms: tuple[Origin, Origin]) -> None:
    plan = canary(*arms, at_weight(20), rollout={"analysis": WITHOUT_LATENCY})
    running = begun(weir(plan))
    running.cli("promote", "chat", "--full")
    running.cli("promote", "chat")
    running.wait_phase("promoted")
    before = standing(running)
    assert before["weight_percent"] == 100
    _restart(running)
    running.write(changed(plan, steps=at_weight(40)))
    running.cli("reload")
    assert {**standing(running), "steps": before["steps"]} == before
    assert set(versions_of(running.port, _USERS).values()) == {"v2"}
    # What was promoted is the next one's baseline: nobody moves.
    following = changed(plan, baseline="v2", candidate="v1", steps=at_weight(0))
    running.write(following)
    running.cli("reload")
    begun(running)
    assert running.admin.rollout()["phase"] == "running"
    assert set(versions_of(running.port, _USERS).values()) == {"v2"}


def test_an_undone_promotion_survives_a_restart(weir: Callable[..., Weir], arms: tuple[Origin, Origin]) -> None:
    running = begun(weir(canary(*arms, at_weight(20), rollout={"analysis": WITHOUT_LATENCY})))
    running.cli("promote", "chat", "--full")
    running.cli("promote", "chat")
    running.cli("undo", "chat")
    _restart(running)
    assert phase_and_weight(running) == ("rolledBack", 0)
    assert decisions(running) == ["start", "advance", "promote", "rollback"]
    assert set(versions_of(running.port, _USERS).values()) == {"v1"}


@_either_end
def test_a_pause_of_the_plan_outlives_a_restart(end: str, weir: Callable[..., Weir],
                                                arms: tuple[Origin, Origin]) -> None:
    steps = [*step(10, _NO_HOLD, pause={}), *at_weight(50)]
    running = weir(canary(*arms, steps, rollout={"analysis": "off"}))
    running.wait_phase("paused")
    before = standing(running)
    assert before["reason"] == "the plan pauses here"
    _restart(running, end)
    assert standing(running) == before
    running.cli("resume", "chat")
    wait_until(lambda: phase_and_weight(running) == ("running", 50), "it goes on at the next step")
    assert decisions(running) == ["start", "pause", "advance"]


@_either_end
def test_a_timed_pause_goes_on_after_a_restart(end: str, weir: Callable[..., Weir],
                                               arms: tuple[Origin, Origin]) -> None:
    steps = [*step(10, _NO_HOLD, pause={"duration": "12s"}), *at_weight(50)]
    running = weir(canary(*arms, steps, rollout={"analysis": "off"}))
    running.wait_phase("paused")
    before = standing(running)
    _restart(running, end)
    assert standing(running) == before
    running.wait_phase("running", timeout_s=40)
    assert phase_and_weight(running) == ("running", 50)
    assert decisions(running) == ["start", "pause", "advance"]


@_either_end
def test_an_operators_pause_outlives_a_restart(end: str, weir: Callable[..., Weir],
                                               arms: tuple[Origin, Origin]) -> None:
    steps = [*step(10, {"atLeast": "8s", "atMost": "1m"}), *at_weight(50)]
    running = begun(weir(canary(*arms, steps, rollout={"analysis": "off"})))
    assert running.admin.post("services/chat/pause")[0] == 200  # at once: a command's own start takes a while
    running.wait_phase("paused")
    before = standing(running)
    assert before["reason"] == "paused by an operator" and before["weight_percent"] == 10
    _restart(running, end)
    assert standing(running) == before
    running.cli("resume", "chat")
    wait_until(lambda: phase_and_weight(running) == ("running", 50), "it goes on", timeout_s=40)
    assert decisions(running) == ["start", "pause", "resume", "advance"]


def test_a_hold_goes_on_after_a_kill(weir: Callable[..., Weir], arms: tuple[Origin, Origin]) -> None:
    steps = [*step(10, {"atLeast": "12s", "atMost": "1m"}), *at_weight(50)]
    running = begun(weir(canary(*arms, steps, rollout={"analysis": "off"})))
    before = standing(running)
    _restart(running, "killed")
    assert standing(running) == before and phase_and_weight(running) == ("running", 10)
    wait_until(lambda: phase_and_weight(running) == ("running", 50), "the hold is over", timeout_s=40)
    assert decisions(running) == ["start", "advance"]


def test_too_little_evidence_pauses_for_good(weir: Callable[..., Weir], arms: tuple[Origin, Origin]) -> None:
    running = weir(canary(*arms, step(10, {"atLeast": "0s", "atMost": "1s"})))
    running.wait_phase("paused")
    before = standing(running)
    assert before["reason"].startswith("no decision within 1s: 0 of 100 requests")
    _restart(running)
    assert standing(running) == before
    running.cli("resume", "chat")
    # Its time begins anew, and ends again.
    wait_until(lambda: decisions(running) == ["start", "pause", "resume", "pause"], "it pauses once more")
    assert phase_and_weight(running) == ("paused", 10)


def test_too_little_evidence_takes_back_where_the_plan_says_so(weir: Callable[..., Weir],
                                                               arms: tuple[Origin, Origin]) -> None:
    running = weir(canary(*arms, step(10, {"atLeast": "0s", "atMost": "1s", "onInconclusive": "rollback"})))
    running.wait_phase("rolledBack")
    before = standing(running)
    assert before["reason"].startswith("no decision within 1s: ") and before["weight_percent"] == 0
    _restart(running)
    assert standing(running) == before
    running.cli("retry", "chat")
    wait_until(lambda: decisions(running) == ["start", "rollback", "start", "rollback"], "it is tried, and taken back")


@_either_end
def test_a_guard_that_pauses_is_remembered(end: str, weir: Callable[..., Weir],
                                           arms: tuple[Origin, Origin]) -> None:
    guards = [*WITHOUT_LATENCY["guards"], {"metric": "errorRate", "onGuardFail": "pause"}]
    candidate = arms[1]
    candidate.set(fail_share=1, fail_status=500)
    running = begun(weir(canary(*arms, at_weight(20), rollout={"analysis": {"guards": guards}})))
    with Load(running.port, rate=200, users=100):
        running.wait_phase("paused")
    before = standing(running)
    assert before["reason"].startswith("errorRate: candidate ") and before["weight_percent"] == 20
    alarms = [line for line in map(json.loads, running.log().splitlines()) if line.get("decision") == "pause"]
    assert [line["level"] for line in alarms] == ["warn"], "an operator is told"
    _restart(running, end)
    assert standing(running) == before
    candidate.set(fail_share=0)
    running.cli("resume", "chat")
    with Load(running.port, rate=200, users=100) as load:
        wait_until(lambda: load.tally().answered >= 400, "it is judged anew")
        assert phase_and_weight(running) == ("running", 20)
    assert decisions(running) == ["start", "pause", "resume"]
