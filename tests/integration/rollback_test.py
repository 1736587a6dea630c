"""A candidate that is worse is taken back, whatever is wrong with it."""
from __future__ import annotations

from typing import Any, Callable

import pytest
from assignment import arm, bucket
from http_client import Connection, request_bytes
from load import Load
from origin import Origin
from plans import Plan, at_weight, canary
from polling import wait_until
from replaying import replay
from steering import WITHOUT_LATENCY, begun, decisions, versions_of
from weir_harness import Weir

_WEIGHT = 20
_USERS = 200
_HEADERS: Plan = {"guards": [*WITHOUT_LATENCY["guards"], {"metric": "timeToHeaders", "quantile": 0.9}]}


def _is_armed(weir: Weir) -> bool:
    """Whether the baseline is known well enough for latencies to be judged."""
    return all(guard.get("armed", True) for guard in weir.admin.rollout()["guards"])


def _answers_more(load: Load, count: int) -> Any:
    goal = load.tally().answered + count
    return wait_until(lambda: tally if (tally := load.tally()).answered >= goal else None, f"{count} more answers")


def _nobody_gets(candidate: Origin, load: Load) -> None:
    # What was on its way when the weight fell has ended after that many other answers.
    _answers_more(load, 200)
    before = candidate.counts().requests
    _answers_more(load, 600)
    assert candidate.counts().requests == before


def _baseline_users_saw_no_error(tally: Any, hung: int) -> None:
    """`hung`: so many requests have reached a candidate that answers none; each was given up by its user, no other."""
    assert tally.failed_by_version.get("v1", 0) == 0 and tally.refused == 0
    hit = {error.partition(" ")[0] for error in tally.errors}
    assert tally.broken == hung and all(arm(user, _WEIGHT) == "v2" for user in hit), tally.errors
    for user, versions in tally.versions_of.items():
        assert versions == ["v1"] or arm(user, _WEIGHT) == "v2", (user, versions)


@pytest.mark.parametrize("guard, behaviour, analysis, rate", [
    ("errorRate", {"fail_share": 1, "fail_status": 500}, WITHOUT_LATENCY, 400),
    ("capacityRate", {"fail_share": 1, "fail_status": 429}, WITHOUT_LATENCY, 400),
    ("clientErrorRate", {"fail_share": 1, "fail_status": 404}, WITHOUT_LATENCY, 400),
    ("latency p99", {"hang": True}, {}, 400),
    # Whose users give up, by an orderly end: nothing else is judged that would show it.
    ("clientAbortRate", {"hang": True}, WITHOUT_LATENCY, 400),
    # Slower than the slowest hundredth of the baseline's requests, on a busy machine too.
    ("latency p99", {"delay_ms": 800}, {}, 200),
    ("timeToHeaders p90", {"hang": True}, _HEADERS, 400),
    ("timeToHeaders p90", {"delay_ms": 400}, _HEADERS, 200),
], ids=["fails", "refuses", "finds_nothing", "hangs", "is_given_up", "is_slow", "sends_no_head", "sends_its_head_late"])
def test_a_bad_candidate_is_taken_back(guard: str, behaviour: dict[str, Any], analysis: Plan, rate: int,
                                       weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    baseline, candidate = origin("v1", delay_ms=5), origin("v2", **{"delay_ms": 5, **behaviour})
    running = begun(weir(canary(baseline, candidate, at_weight(0), rollout={"analysis": analysis})))
    with Load(running.port, rate=rate, users=_USERS, connections=64,
              timeout_s=3 if guard == "clientAbortRate" else 10) as load:
        wait_until(lambda: _is_armed(running), "the baseline is known", timeout_s=60)
        running.cli("weight", "chat", str(_WEIGHT))
        rollout = running.wait_phase("rolledBack")
        assert rollout["weight_percent"] == 0 and rollout["reason"].startswith(guard)
        assert ": candidate " in rollout["reason"]
        _nobody_gets(candidate, load)
        tally = load.stop()
    _baseline_users_saw_no_error(tally, candidate.counts().requests if "hang" in behaviour else 0)
    record = running.admin.history()[0]
    assert record["decision"] == "rollback" and record["rule"] == "guard" and record["actor"] == "weir"
    assert record["reason"] == rollout["reason"]
    assert (record["weight_before_percent"], record["weight_after_percent"]) == (_WEIGHT, 0)
    assert record["evidence_rollback"] >= 100
    failed = next(each for each in record["guards"] if each["name"] == guard)
    assert 0 < len(failed["first_requests"]) <= 5 and failed["worst_group"]["x"] > 0
    assert failed["candidate_since_start"]["n"] <= candidate.counts().requests  # each once, whatever became of it
    assert f"; first requests: {failed['first_requests'][0]}" in record["reason"]
    users = [f"user-{i}" for i in range(_USERS)]
    assert set(versions_of(running.port, users).values()) == {"v1"}


def test_total_failure_is_found_within_ten_requests(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    """One after the other, each once the last has been judged: so many that the machine's speed has no say."""
    most = 10
    candidate = origin("v2", fail_share=1, fail_status=500)
    plan = canary(origin("v1"), candidate, at_weight(_WEIGHT), rollout={"analysis": WITHOUT_LATENCY})
    running = begun(weir(plan))
    users = [f"user-{i}" for i in range(_USERS)]
    theirs = [user for user in users if arm(user, _WEIGHT) == "v2"][:most]
    others = iter(user for user in users if arm(user, _WEIGHT) == "v1")

    def judged(requests: int) -> Any:
        rollout = running.admin.rollout()
        over = rollout["phase"] == "rolledBack"
        return rollout if over or rollout["requests_in_step"]["candidate"] >= requests else None

    with Connection(running.port) as connection:
        for sent, user in enumerate(theirs, 1):
            for each in [next(others) for _ in range(4)] + [user]:
                connection.request("GET", "/", {"x-user-id": each})
            rollout = wait_until(lambda: judged(sent), f"request {sent} of the candidate is judged")
            if rollout["phase"] == "rolledBack":
                break
    assert rollout["phase"] == "rolledBack" and candidate.counts().requests <= most
    assert rollout["reason"].startswith("errorRate: candidate ")


def test_total_failure_is_found_within_two_ticks(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    """Counted by the records: those of a decision end with its tick, or with the first tick behind it."""
    candidate = origin("v2", fail_share=1, fail_status=500)
    running = begun(weir(canary(origin("v1"), candidate, at_weight(50), rollout={"analysis": WITHOUT_LATENCY})))
    at_once = 20  # as at 200 requests a second; half of them are more than enough
    users = [f"user-{i}" for i in range(_USERS)]
    theirs, others = ([user for user in users if arm(user, 50) == version][:at_once] for version in ("v2", "v1"))

    def ticks_up_to(decision: str) -> Any:
        time = next(record["time"] for record in running.admin.history() if record["decision"] == decision)
        return replay("chat", "--state", str(running.directory / "weir.db"), "--to", time)["ticks"]

    for attempt in range(5):
        if attempt > 0:
            running.cli("retry", "chat")
        with Connection(running.port) as connection:
            assert {connection.request("GET", "/", {"x-user-id": user}).status for user in others} == {200}
            connection.send(b"".join(request_bytes("GET", "/", {"x-user-id": user}) for user in theirs))
            answers = [connection.reply().status for _ in theirs]
        assert answers == sorted(answers, reverse=True) and answers[0] == 500  # until it is rolled back
        running.admin.post("services/chat/pause")  # a mark, unless it is over already
        assert running.wait_phase("rolledBack")["reason"].startswith("errorRate: candidate ")
        if decisions(running)[-2:] == ["pause", "rollback"]:
            assert ticks_up_to("rollback") - ticks_up_to("pause") <= 1


def test_a_ceiling_blames_the_candidate_where_both_are_bad(weir: Callable[..., Weir],
                                                           origin: Callable[..., Origin]) -> None:
    def canary_of(analysis: Plan) -> Weir:
        versions = origin("v1", fail_share=0.3), origin("v2", fail_share=0.3)
        return begun(weir(canary(*versions, at_weight(_WEIGHT), rollout={"analysis": analysis})))
    compared = canary_of(WITHOUT_LATENCY)
    with Load(compared.port, rate=400, users=_USERS) as load:
        _answers_more(load, 3_000)
        assert compared.admin.rollout()["phase"] == "running"
    limited = canary_of({"guards": [*WITHOUT_LATENCY["guards"], {"metric": "errorRate", "max": "1%"}]})
    with Load(limited.port, rate=400, users=_USERS):
        rollout = limited.wait_phase("rolledBack")
    assert rollout["reason"].startswith("errorRate max: candidate ")
    assert "at most 1 % allowed whatever the baseline does (" in rollout["reason"]
    ceiling = next(guard for guard in rollout["guards"] if guard["name"] == "errorRate max")
    assert ceiling["limit_percent"] == 1 and not ceiling["gate"]


def test_one_user_is_enough_when_everything_fails(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    lowest, second = sorted(bucket(f"user-{i}") for i in range(20))[:2]
    weight = (lowest + second) // 2 / 10_000  # the share of one user out of twenty, as it happens
    candidate = origin("v2", fail_share=1, fail_status=502)
    running = begun(weir(canary(origin("v1"), candidate, at_weight(weight))))
    with Load(running.port, rate=300, users=20) as load:
        rollout = running.wait_phase("rolledBack")
        _nobody_gets(candidate, load)
        tally = load.tally()
    assert rollout["reason"].startswith("errorRate: candidate ") and "not promised" in rollout["reason"]
    assert sum("v2" in versions for versions in tally.versions_of.values()) == 1
    assert tally.failed_by_version.get("v1", 0) == 0 and tally.broken == 0
