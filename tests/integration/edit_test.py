"""Edits of the plan while a rollout runs: what keeps it, what is a new one, what comes back."""
from __future__ import annotations

from typing import Any, Callable

import pytest
from origin import Origin
from plans import at_weight, canary, route, step, version
from polling import wait_until
from steering import WITHOUT_LATENCY, begun, changed, decisions, phase_and_weight, set_weight, standing, versions_of
from weir_harness import Weir

_USERS = [f"user-{i}" for i in range(100)]


@pytest.fixture
def arms(origin: Callable[..., Origin]) -> tuple[Origin, Origin]:
    return origin("v1"), origin("v2")


@pytest.mark.parametrize("while_down", [False, True], ids=["by_reload", "while_down"])
def test_an_edit_keeps_the_rollout_and_its_weight(while_down: bool, weir: Callable[..., Weir],
                                                  arms: tuple[Origin, Origin]) -> None:
    plan = canary(*arms, [*step(10, {"atLeast": "1h", "atMost": "2h"}), *at_weight(30)],
                  rollout={"analysis": WITHOUT_LATENCY})
    running = begun(weir(plan))
    set_weight(running, 20)
    users = versions_of(running.port, _USERS)
    wait_until(lambda: running.admin.rollout()["requests_in_step"]["candidate"] > 0, "requests are judged")
    edits: list[dict[str, Any]] = [
        {"steps": [*step(5, {"atLeast": "0s", "atMost": "1s"}), *at_weight(35), *at_weight(60)]},
        {"steps": [*step(5, {"atLeast": "1m", "minRequests": 7}), *at_weight(35), *at_weight(60)]},
        {"analysis": {"guards": [*WITHOUT_LATENCY["guards"], {"metric": "errorRate", "enabled": False}]}},
    ]
    for count, edited in enumerate(edits, 1):
        if while_down:
            running.stop()
        plan = changed(plan, **edited)
        running.write(plan)
        if while_down:
            running.start()
        else:
            running.cli("reload")
        wait_until(lambda: decisions(running) == ["start", "weight"] + count * ["edit"], "the edit is in the history")
        record = running.admin.history()[0]
        assert record["actor"] == "file" and record["weight_before_percent"] == record["weight_after_percent"] == 20
        rollout = running.admin.rollout()
        assert (rollout["phase"], rollout["weight_percent"], rollout["attempt"]) == ("running", 20, 1)
        assert versions_of(running.port, _USERS) == users
    assert "errorRate" not in {guard["name"] for guard in running.admin.rollout()["guards"]}
    running.cli("promote", "chat")
    wait_until(lambda: running.admin.rollout()["weight_percent"] == 35, "the first weight above is the next one")


def test_guards_that_come_while_it_runs_raise_what_is_promised(weir: Callable[..., Weir],
                                                               arms: tuple[Origin, Origin]) -> None:
    """No guard's share of maxFalseRollback is taken away, so that the sum passes what the plan says; and that is shown."""
    plan = canary(*arms, at_weight(10), rollout={"analysis": WITHOUT_LATENCY})
    running = begun(weir(plan))
    assert "is promised" not in running.cli("status", "chat").stdout
    added = [{"metric": "timeToHeaders", "quantile": 0.9}, {"metric": "timeToHeaders", "quantile": 0.99}]
    running.write(changed(plan, analysis={"guards": [*WITHOUT_LATENCY["guards"], *added]}))
    running.cli("reload")
    wait_until(lambda: decisions(running) == ["start", "edit"], "the edit is in the history")
    wait_until(lambda: running.admin.rollout()["promised_false_rollback"] > 0.011, "its guards are weighed")
    assert running.admin.rollout()["max_false_rollback"] == 0.01
    shown = running.cli("status", "chat").stdout
    promised = round(100 * running.admin.rollout()["promised_false_rollback"], 2)
    assert f"maxFalseRollback: {promised:.2f} % is promised, where the plan says 1 %" in shown, shown


def test_another_revision_is_a_new_rollout(weir: Callable[..., Weir], arms: tuple[Origin, Origin]) -> None:
    plan = canary(*arms, at_weight(10), rollout={"analysis": WITHOUT_LATENCY})
    running = begun(weir(plan))
    set_weight(running, 30)
    running.cli("abort", "chat")
    running.write(changed(plan, revision="two"))
    running.cli("reload")
    wait_until(lambda: decisions(running) == ["start", "weight", "rollback", "start"], "the new one has begun")
    wait_until(lambda: running.admin.rollout()["weight_percent"] == 10, "its first weight is served")  # once it is on the disk
    rollout = running.admin.rollout()
    assert (rollout["phase"], rollout["weight_percent"], rollout["attempt"]) == ("running", 10, 1)
    assert (rollout["revision"], rollout["requests_in_step"]["candidate"]) == ("two", 0)
    # And the first one, when it comes back, is where it was.
    running.write(plan)
    running.cli("reload")
    wait_until(lambda: running.admin.rollout()["revision"] == "", "the plan is loaded")
    assert phase_and_weight(running) == ("rolledBack", 0)


@pytest.mark.parametrize("restarted", [False, True], ids=["at_once", "over_restarts"])
def test_a_rollout_taken_out_comes_back_as_it_was(restarted: bool, weir: Callable[..., Weir],
                                                  arms: tuple[Origin, Origin]) -> None:
    plan = canary(*arms, at_weight(10), rollout={"analysis": WITHOUT_LATENCY})
    running = begun(weir(plan))
    set_weight(running, 30)
    before, users = standing(running), versions_of(running.port, _USERS)
    versions = {"v1": version(arms[0]), "v2": version(arms[1])}
    running.write({"services": {"chat": {"versions": versions, "weights": {"v1": 100, "v2": 0}}}, "routes": [route()]})
    running.cli("reload")
    wait_until(lambda: running.admin.rollout() is None, "the rollout is gone")
    assert set(versions_of(running.port, _USERS).values()) == {"v1"}
    if restarted:
        running.stop()
        running.start()
    running.write(plan)
    running.cli("reload")
    if restarted:
        running.stop()
        running.start()
    wait_until(lambda: running.admin.rollout() is not None, "the rollout is back")
    assert standing(running) == before
    assert versions_of(running.port, _USERS) == users
