"""What a candidate may cost its users: a budget takes it back where no statistics can tell, and is no test itself."""
from __future__ import annotations

import threading
from typing import Any, Callable

from assignment import arm
from exposition import Exposition
from http_client import Connection
from origin import Origin
from plans import Plan, at_weight, canary, route
from polling import wait_until
from raw_origin import Peer, RawOrigin
from steering import WITHOUT_LATENCY, begun, decisions, set_weight
from weir_harness import Weir, run_cli

_WEIGHT = 20
_THEIRS = next(user for user in map(str, range(100)) if arm(user, _WEIGHT) == "v2")
_OTHERS = [user for user in map(str, range(100)) if arm(user, _WEIGHT) == "v1"]
_WARN: Plan = {**WITHOUT_LATENCY, "onGuardFail": "warn"}


def _budget(weir: Weir, name: str) -> Any:
    return next(budget for budget in weir.admin.rollout()["budgets"] if budget["name"] == name)


def _ask(connection: Connection, user: str) -> tuple[int, str]:
    reply = connection.request("GET", "/", {"x-user-id": user})
    return reply.status, reply["x-weir-version"]


def _meets(weir: Weir, requests: int, others: int = 1) -> list[int]:
    """One user, again and again, until somebody else answers; between them `others` of the baseline."""
    met = []
    with Connection(weir.port) as connection:
        for _ in range(requests):
            for other in _OTHERS[:others]:
                assert _ask(connection, other) == (200, "v1")
            status, version = _ask(connection, _THEIRS)
            if version == "v1":
                break
            met.append(status)
    return met


def test_a_budget_takes_back_what_the_guards_are_blind_to(weir: Callable[..., Weir],
                                                          origin: Callable[..., Origin]) -> None:
    # One user, half of whose requests fail: of the one group of users no guard may speak.
    plan = canary(origin("v1"), origin("v2", fail_share=0.5, fail_status=500), at_weight(_WEIGHT),
                  rollout={"analysis": WITHOUT_LATENCY, "maxExposure": {"excessFailures": 20, "failedRequests": 500}})
    running = begun(weir(plan))
    met = _meets(running, 5_000)
    rollout = running.wait_phase("rolledBack")
    assert met.count(500) >= 20 and set(met) == {200, 500}
    assert rollout["weight_percent"] == 0
    assert rollout["reason"].startswith("maxExposure: ") and " of 20 excessFailures (failed: candidate " in rollout["reason"]
    assert rollout["reason"].endswith("; a budget, not a test")
    record = running.admin.history()[0]
    assert (record["decision"], record["rule"], record["actor"]) == ("rollback", "budget", "weir")
    assert record["reason"] == rollout["reason"] and record["budgets"][0]["spent"] >= 20
    assert not any(guard["speaks"] for guard in record["guards"])
    # What was on its way then is still counted until the decision shows; nothing more.
    assert _budget(running, "failedRequests")["spent"] <= met.count(500)
    assert Exposition(running.admin.metrics()).total("weir_rollout_budget_spent", service="chat",
                                                     budget="excessFailures") >= 1
    assert "budget: " in running.cli("status").stdout and "outside maxFalseRollback" in running.cli("status").stdout
    assert "a budget, not a test" in running.cli("history", "chat").stdout
    running.stop()
    replayed = run_cli("replay", "--config", str(running.file))
    assert "1 of 1 decisions on the evidence were made again, to the last bit" in replayed.stdout, replayed


def test_failures_of_kept_sessions_and_returned_ids_are_counted(weir: Callable[..., Weir]) -> None:
    fails = threading.Event()

    def serve(name: str) -> Callable[[Peer], None]:
        def answer(peer: Peer) -> None:
            while peer.request_with_body():
                bad = name == "v2" and fails.is_set()
                made = b'{"id":"file_%s"}' % name.encode()
                peer.send(b"HTTP/1.1 %d X\r\nx-origin: %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                          % (500 if bad else 200, name.encode(), len(made)) + made)
        return answer

    with RawOrigin(serve("v1")) as v1, RawOrigin(serve("v2")) as v2:
        plan = canary(v1, v2, at_weight(_WEIGHT), routes=[route(inspect="openai")], rollout={
            "stickiness": {"by": [{"header": "x-user-id"}], "scope": "session"}, "analysis": WITHOUT_LATENCY,
            "maxExposure": {"failedRequests": 60, "excessFailures": 20}})
        running = begun(weir(plan))
        users = {"x-user-id": _THEIRS}
        with Connection(running.port) as connection:
            # The session begins, and the id is made, before the weight moves.
            assert connection.request("POST", "/v1/files", users).status == 200
            set_weight(running, _WEIGHT + 10)
            fails.set()
            for _ in range(30):
                assert connection.request("GET", "/", users).status == 500
            wait_until(lambda: _budget(running, "failedRequests")["spent"] == 30, "kept sessions are counted")
            assert _budget(running, "excessFailures")["spent"] == 0
            for _ in range(1_000):
                reply = connection.request("GET", "/v1/files/file_v2", {"x-user-id": _OTHERS[0]})
                if reply["x-weir-version"] == "v1":
                    break
                assert reply.status == 500
        rollout = running.wait_phase("rolledBack")
        assert rollout["reason"].startswith("maxExposure: ") and " of 60 failedRequests" in rollout["reason"]
        assert rollout["requests_in_step"]["candidate"] == 0, "none of them is evidence"
        running.stop()
        replayed = run_cli("replay", "--config", str(running.file))
        assert "1 of 1 decisions on the evidence were made again, to the last bit" in replayed.stdout, replayed


def test_what_is_spent_outlives_the_process_and_needs_no_judge(weir: Callable[..., Weir],
                                                               origin: Callable[..., Origin]) -> None:
    candidate = origin("v2", fail_share=1, fail_status=500)
    plan = canary(origin("v1"), candidate, at_weight(_WEIGHT),
                  rollout={"analysis": "off", "maxExposure": {"failedRequests": 30}})
    running = begun(weir(plan))
    assert _meets(running, 20) == [500] * 20
    wait_until(lambda: _budget(running, "failedRequests")["spent"] == 20, "all of them are counted")
    running.stop()
    begun(running.start())
    assert _budget(running, "failedRequests") == {"name": "failedRequests", "spent": 20, "limit": 30, "counts": True,
                                                  "says": "20 of 30 failedRequests"}
    met = _meets(running, 5_000)
    rollout = running.wait_phase("rolledBack")
    assert 10 <= len(met) and rollout["reason"].startswith("maxExposure: ")
    running.stop()
    begun(running.start())
    assert running.admin.rollout()["phase"] == "rolledBack" and decisions(running) == ["start", "rollback"]
    # Another try has a whole budget.
    running.cli("retry", "chat")
    wait_until(lambda: running.admin.rollout()["phase"] == "running", "it runs again")
    assert _budget(running, "failedRequests")["spent"] == 0


def test_what_a_rescue_answers_costs_its_user_nothing(weir: Callable[..., Weir],
                                                      origin: Callable[..., Origin]) -> None:
    candidate = origin("v2", fail_share=1, fail_status=503)
    analysis = {**_WARN, "rescue": {"onStatus": [503]}}
    plan = canary(origin("v1"), candidate, at_weight(_WEIGHT),
                  rollout={"analysis": analysis, "maxExposure": {"excessFailures": 15}})
    running = begun(weir(plan))
    with Connection(running.port) as connection:
        for _ in range(40):
            assert _ask(connection, _THEIRS) == (200, "v1")
    rescued = lambda: Exposition(running.admin.metrics()).total("weir_requests_rescued_total")
    wait_until(lambda: rescued() == 40, "all of them are counted")
    wait_until(lambda: running.admin.rollout()["requests_in_step"]["candidate"] == 40, "and judged")
    assert (running.admin.rollout()["phase"], _budget(running, "excessFailures")["spent"]) == ("running", 0)
    candidate.set(fail_status=500)
    _meets(running, 5_000)
    assert running.wait_phase("rolledBack")["reason"].startswith("maxExposure: ")


def test_a_candidate_that_is_dear_has_a_budget_too(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    # Sixteen millionths more an answer: 25 answers reach it.
    versions = origin("v1", tokens=4), origin("v2", tokens=12)
    plan = canary(*versions, at_weight(_WEIGHT), rollout={"analysis": _WARN, "maxExposure": {"extraCost": 0.0004}},
                  routes=[route(inspect="openai")])
    for one in plan["services"]["chat"]["versions"].values():
        one["prices"] = {"input": 1, "output": 2}
    running = begun(weir(plan))
    met = _meets(running, 5_000)
    rollout = running.wait_phase("rolledBack")
    assert set(met) == {200} and len(met) >= 25
    assert " of 0.0004 extraCost (cost of an answer: candidate 3.1e-05 on average of " in rollout["reason"]
