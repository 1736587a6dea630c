"""Users of one version go missing before they get here: the versions do not get their shares, and cannot be compared."""
from __future__ import annotations

import itertools
import re
from typing import Any, Callable, Iterator

import pytest
from assignment import arm
from http_client import Connection
from origin import Origin
from outcomes import metric
from plans import Plan, at_weight, canary, step
from polling import wait_until
from replaying import has_the_same, replay
from steering import begun, decisions, history_of, versions_of
from webhook_receiver import Receiver
from weir_harness import Weir

_WEIGHT = 50
_HOLD = {"atLeast": "1s", "minRequests": 200, "atMost": "1h"}
# So high that nothing here is slower. A user counts once no request of his can still be under way unseen, and without
# what a latency is held against that takes a minute.
_SLOW: Plan = {"metric": "latency", "allowedDegradation": {"absolute": "1s"}}
_GUARDS: Plan = {"guards": [{"metric": "errorRate", "allowedDegradation": {"absolute": "10%"}},
                            {**_SLOW, "quantile": 0.5}, {**_SLOW, "quantile": 0.99, "gate": False},
                            *({"metric": name, "gate": False} for name in ("capacityRate", "clientErrorRate",
                                                                           "clientAbortRate"))]}


class _Crowd:
    """Users who come once each."""

    def __init__(self, port: int, prefix: str):
        self._port = port
        self._of = {version: self._users(prefix, version) for version in ("v1", "v2")}

    @staticmethod
    def _users(prefix: str, version: str) -> Iterator[str]:
        return (user for i in itertools.count() if arm(user := f"{prefix}-{i}", _WEIGHT) == version)

    def come(self, rounds: int, v1: int, v2: int) -> None:
        """So many of each in each round."""
        with Connection(self._port) as connection:
            for version in (["v1"] * v1 + ["v2"] * v2) * rounds:
                connection.request("GET", "/", {"x-user-id": next(self._of[version])})


@pytest.fixture(name="hook")
def _hook(receiver: Callable[..., Receiver]) -> Receiver:
    return receiver()


@pytest.fixture(name="candidate")
def _candidate(origin: Callable[..., Origin]) -> Origin:
    return origin("v2")


@pytest.fixture(name="alarmed")
def _alarmed(weir: Callable[..., Weir], origin: Callable[..., Origin], candidate: Origin, hook: Receiver) -> Weir:
    """Of 750 users a fifth is the candidate's, where half are due."""
    running = begun(weir(canary(origin("v1"), candidate, [*at_weight(0), *step(_WEIGHT, _HOLD), *step(75, _HOLD)],
                                rollout={"analysis": _GUARDS, "webhooks": [{"type": "event", "name": "pager",
                                                                            "url": hook.url()}]})))

    def is_armed() -> bool:
        versions_of(running.port, [f"early-{i}" for i in range(50)])
        return next(guard for guard in running.admin.rollout()["guards"] if guard["name"] == "latency p50")["armed"]

    wait_until(is_armed, "the baseline's latency is known")
    running.cli("promote", "chat")
    _Crowd(running.port, "first").come(150, v1=4, v2=1)
    assert candidate.counts().requests == 150
    running.wait_phase("paused")
    return running


def test_it_pauses_and_says_why(alarmed: Weir, hook: Receiver) -> None:
    rollout = alarmed.admin.rollout()
    split = rollout["split"]
    assert split["alarm"] and split["unit"] == "users" and split["evidence"] > split["evidence_needed"] >= 999
    candidates, all_users = split["candidate"], split["baseline"] + split["candidate"]
    assert 0 < candidates <= 155 and candidates / all_users == pytest.approx(0.2, abs=0.05)
    # Counting goes on behind the alarm.
    told = re.match(r"the candidate got (\d+) users of (\d+) \(.*%\) where 50 % are due; ", rollout["reason"])
    assert told and 0 < int(told[1]) <= candidates and int(told[1]) / int(told[2]) == pytest.approx(0.2, abs=0.05)
    assert "assignment or counting is broken" in rollout["reason"]
    assert rollout["waits"] == [f"paused: {rollout['reason']}; `weir resume` goes on"]
    assert rollout["weight_percent"] == _WEIGHT and decisions(alarmed) == ["start", "advance", "pause"]
    record = alarmed.admin.history()[0]
    assert (record["actor"], record["reason"], record["phase_after"]) == ("weir", rollout["reason"], "paused")
    hook.wait_for("start", "advance", "pause")
    assert hook.deliveries[-1].event["message"] == rollout["reason"]
    assert metric(alarmed, "weir_rollout_split_evidence", service="chat") == 1
    assert rollout["reason"] in alarmed.cli("history", "chat").stdout
    assert rollout["reason"][:40] in alarmed.cli("status", "chat").stdout


def test_nothing_advances_until_somebody_resumes(alarmed: Weir) -> None:
    _Crowd(alarmed.port, "late").come(450, v1=0, v2=1)

    def judged() -> Any:
        rollout = alarmed.admin.rollout()
        return rollout if rollout["requests_in_step"]["candidate"] == 600 else None
    # Neither users who make up for the others end it, nor gates that have passed.
    rollout = wait_until(judged, "all are judged")
    assert rollout["phase"] == "paused" and rollout["split"]["alarm"] and decisions(alarmed) == ["start", "advance", "pause"]
    assert all(guard["gate_passed"] for guard in rollout["guards"] if guard["gate"]), rollout["guards"]
    alarmed.cli("resume", "chat")
    wait_until(lambda: alarmed.admin.rollout()["weight_percent"] == 75, "it advances")
    assert not alarmed.admin.rollout()["split"]["alarm"]
    history = history_of(alarmed)[::-1]
    assert [record["decision"] for record in history] == ["start", "advance", "pause", "resume", "advance"]
    has_the_same(replay("chat", "--config", str(alarmed.file)), history)


def test_no_rollback_waits_for_it(alarmed: Weir, candidate: Origin) -> None:
    candidate.set(status=500)
    crowd = _Crowd(alarmed.port, "late")

    def rolled_back() -> bool:
        rollout = alarmed.admin.rollout()
        if rollout["phase"] == "paused":
            crowd.come(5, v1=1, v2=1)
        return rollout["phase"] == "rolledBack"

    wait_until(rolled_back, "it is rolled back")
    assert decisions(alarmed) == ["start", "advance", "pause", "rollback"]
    record = alarmed.admin.history()[0]
    assert record["phase_before"] == "paused" and record["reason"].startswith("errorRate: candidate "), record
