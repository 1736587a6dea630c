"""A/A: the baseline against itself over the real proxy. Nobody gets anything else, and the noise is reported."""
from __future__ import annotations

import json
import pathlib
from typing import Any, Callable

import pytest
from assignment import arm
from exposition import Exposition
from http_client import Connection
from load import Load
from origin import Origin
from plans import BY_USER, Plan, one_version
from polling import wait_until
from replaying import decided, has_the_same, replay
from steering import begun, decisions, history_of, versions_of
from weir_harness import Weir, run_cli

_USERS = [f"user-{i}" for i in range(100)]


def _against_itself(origin: Any, **rollout: Any) -> Plan:
    return one_version(origin, rollouts={"chat": {"baseline": "v1", "strategy": "aa", "stickiness": BY_USER, **rollout}})


def test_both_arms_are_one_version_and_the_noise_is_reported(weir: Callable[..., Weir],
                                                             origin: Callable[..., Origin]) -> None:
    running = begun(weir(_against_itself(origin("v1", fail_share=0.2), reportEvery="2s")))
    with Load(running.port, rate=300, users=500) as load:
        wait_until(lambda: "report" in decisions(running)
                   and running.admin.rollout()["requests_in_step"]["candidate"] > 300, "a report of enough requests")
        tally = load.stop()
    assert set(tally.by_version) == {"v1"}
    # Each request once, whatever arm it was in.
    requests = Exposition(running.admin.metrics())
    wait_until(lambda: Exposition(running.admin.metrics()).total("weir_requests_total") == tally.answered,
               "all are counted")
    assert requests.labels("weir_requests_total", "version") == {"v1"}
    assert set(decisions(running)) == {"start", "report"}
    rollout = running.admin.rollout()
    assert (rollout["baseline"], rollout["candidate"], rollout["phase"]) == ("v1", "v1", "running")
    assert rollout["weight_percent"] == 50
    errors = next(guard for guard in rollout["aa"]["guards"] if guard["name"] == "errorRate")
    assert errors["level_percent"] == pytest.approx(20, abs=8)
    assert errors["requests"] > 300 and errors["design_effect"] >= 1
    # Nobody shows a tenth of a percent with so few.
    assert errors["too_tight"] and errors["honest_from"] > errors["planned"] and not rollout["aa"]["margins_honest"]
    split = rollout["split"]
    assert split["unit"] == "users" and split["counting"] and not split["alarm"] and split["due_percent"] == 50
    report = next(record for record in running.admin.history() if record["decision"] == "report")
    assert "of v1 against itself: no false alarm; " in report["reason"]
    assert {guard["name"] for guard in report["aa"]["guards"]} == {guard["name"] for guard in rollout["guards"]}
    # Users are counted once all requests of their time are known, which takes a minute until a time is judged.
    assert report["aa"]["split"]["unit"] == "users" and not report["aa"]["split"]["alarm"], report
    assert report["reason"].endswith("; split: " + report["aa"]["split"]["says"]), report
    shown = running.cli("status", "chat").stdout
    assert "v1 against itself" in shown and "50 % of users in the second arm" in shown, shown
    assert "of requests, the arms differ by " in shown and "honest from a margin of " in shown, shown
    story = running.cli("history", "chat").stdout
    assert all("errorRate: " in text and ", design effect " in text for text in (shown, story)), (shown, story)
    assert "; split: " in story, story
    assert running.cli("promote", "chat", check=False).returncode == 1
    nobody = running.cli("status", "image", check=False)
    assert nobody.returncode == 1 and 'has no service "image"' in nobody.stderr


def test_whatever_is_said_everybody_keeps_the_version(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    running = begun(weir(_against_itself(origin("v1"), splitWeight=10)))
    for command, weight in ("pause", 10), ("resume", 10), ("abort", 0), ("retry", 10):
        running.cli(command, "chat")
        wait_until(lambda w=weight: running.admin.rollout()["weight_percent"] == w, f"the split after {command}")
        assert set(versions_of(running.port, _USERS).values()) == {"v1"}
    assert running.admin.get("config")["config"]["rollouts"]["chat"]["splitWeight"] == "10%"


def test_what_it_will_be_able_to_say(origin: Callable[..., Origin], new_weir: Callable[..., Weir],
                                     tmp_path: pathlib.Path) -> None:
    plan = new_weir(_against_itself(origin("v1"), reportEvery="10m")).file
    done = run_cli("explain", str(plan), "--rps", "50", "--format", "json")
    aa = json.loads(done.stdout)["rollouts"][0]["aa"]
    for guard in aa["guards"]:
        margins = [at["honest_from"] for at in guard["margins"] if at["honest_from"] is not None]
        assert margins == sorted(margins, reverse=True) and margins, guard
        if guard["gate"] and guard["planned_is_honest_after_s"] < 7 * 86400:
            assert guard["margins"][-1]["honest_from"] <= guard["planned"] + 1e-6, guard
    text = run_cli("explain", str(plan), "--rps", "50").stdout
    assert "chat: v1 against itself" in text and "is honest after" in text
    played = run_cli("simulate", str(plan), "--rps", "2", "--users", "500")
    assert "v1 against itself" in played.stdout and "reported after 0:10:0" in played.stdout, played
    refused = run_cli("simulate", str(plan), "--regress", "errors=1%")
    assert refused.returncode == 2 and "compares v1 with itself" in refused.stderr


def test_what_was_recorded_is_measured_again(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    """A report, a false alarm, which the second arm's users provoke by asking for failures alone, and a report of it."""
    running = begun(weir(_against_itself(origin("v1"), reportEvery="2s")))
    second = {user for user in _USERS if arm(user, 50, "chat/v1/") == "v2"}
    with Connection(running.port) as connection:

        def ask_until(decision: str, theirs: str) -> None:
            def decides() -> bool:
                for user in _USERS:
                    connection.request("GET", theirs if user in second else "/", {"x-user-id": user})
                return decisions(running)[-1] == decision
            wait_until(decides, f"the decision {decision}", timeout_s=60)

        ask_until("report", theirs="/")
        ask_until("alarm", theirs="/status/500")
        ask_until("report", theirs="/")
    running.cli("pause", "chat")  # then there are no more reports
    history = history_of(running)[::-1]
    running.stop()
    replayed = replay("chat", "--state", str(running.directory / "weir.db"))
    has_the_same(replayed, history)
    assert {event["record"]["decision"]: event["on_evidence"] for event in decided(replayed)} == {
        "start": False, "report": True, "alarm": True, "pause": False}
    alarms = [record for record in history if record["decision"] == "alarm"]
    assert alarms[0]["reason"].startswith("a false alarm, for both arms are v1: errorRate: candidate "), alarms[0]
    report = [record for record in history if record["decision"] == "report"][-1]
    assert report["aa"]["alarms"] == len(alarms) and f"of v1 against itself: {len(alarms)} false alarm" in report["reason"]
    again = len(history) - 2
    told = run_cli("replay", f"{running.directory / 'weir.db'}.records").stdout
    assert "v1 → v1" in told and f"{again} of {again} decisions on the evidence were made again" in told, told
