"""A candidate that is as good as its baseline goes forward by itself, and is never taken back."""
from __future__ import annotations

import contextlib
from typing import Callable

from assignment import user_on
from exposition import Exposition
from load import Load
from origin import Origin
from plans import Plan, at_weight, canary, route, step
from polling import wait_until
from steering import WITHOUT_LATENCY, versions_of
from weir_harness import Weir

_USERS = 200


def test_an_equal_candidate_is_promoted(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    hold = {"atLeast": "1s", "minRequests": 50, "atMost": "5m"}
    steps = [*step(10, hold), *step(50, hold), *step(100, hold)]
    # Wider than the defaults: to prove a difference of 0.1 % takes more requests than a test has, and on a busy machine
    # one origin's process may be slower than the other's. There the 0.99 quantile also takes long to pass as a gate.
    wide = {"metric": "latency", "allowedDegradation": {"relative": "100%", "absolute": "2s"}}
    guards = [{"metric": "errorRate", "allowedDegradation": {"absolute": "1%"}},
              {**wide, "quantile": 0.5}, {**wide, "quantile": 0.99, "gate": False}]
    plan = canary(origin("v1"), origin("v2"), steps, rollout={"analysis": {"guards": guards}})
    running = weir(plan)
    with Load(running.port, rate=450, users=_USERS, connections=32) as load:
        running.wait_phase("promoted", timeout_s=120)
        tally = load.stop()
    assert tally.broken == tally.refused == 0 and tally.by_status == {"200": tally.answered}
    records = running.admin.history()[::-1]
    assert [record["decision"] for record in records] == ["start", "advance", "advance", "promote"]
    assert [record["weight_after_percent"] for record in records] == [10, 50, 95, 100]
    for record in records[1:3]:
        assert all(guard["gate_passed"] for guard in record["guards"] if guard["gate"]), record
    users = [f"user-{i}" for i in range(_USERS)]
    assert set(versions_of(running.port, users).values()) == {"v2"}


def _service(name: str, prefix: str, baseline: Origin, candidate: Origin) -> Plan:
    """Of a plan of several: each service's versions have connections of their own."""
    plan = canary(baseline, candidate, at_weight(1), rollout={"analysis": WITHOUT_LATENCY})
    return {"services": {name: plan["services"]["chat"]}, "routes": [route(name, prefix)],
            "rollouts": {name: plan["rollouts"]["chat"]}}


def test_origins_that_close_idle_connections_are_no_regression(weir: Callable[..., Weir],
                                                               origin: Callable[..., Origin]) -> None:
    # What 5 s of an origin's keep-alive are to users who come every few seconds: some requests come after their
    # version's only connection was closed, some while it is.
    baseline, candidate = (origin(name, idle_close_s=0.3) for name in ("v1", "v2"))
    think_s = {"a": 0.296, "b": 0.3, "c": 0.303, "d": 0.306, "e": 0.4}
    parts = [_service(name, f"/{name}", baseline, candidate) for name in think_s]
    plan: Plan = {"workers": 1, "routes": [entry for part in parts for entry in part["routes"]]}
    for section in ("services", "rollouts"):
        plan[section] = {name: value for part in parts for name, value in part[section].items()}
    running = weir(plan)
    for name in think_s:
        wait_until(lambda: running.admin.rollout(name)["step_id"] > 0, f"the rollout of {name} has begun")
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(Load(running.port, rate=1 / think, users=1, connections=1, target=f"/{name}",
                                          user_prefix=user_on(version, 1, f"{version}-", f"{name}/v2/")))
                 for name, think in think_s.items() for version in ("v1", "v2")]
        wait_until(lambda: all(load.tally().answered >= 30 for load in loads), "enough have come", timeout_s=60)
        tallies = [load.stop() for load in loads]
    for tally in tallies:
        assert tally.broken == tally.refused == 0 and tally.by_status == {"200": tally.answered}, tally
    for arm_of in (baseline, candidate):  # both were met
        assert arm_of.counts().connections >= 30
    assert Exposition(running.admin.metrics()).labels("weir_requests_total", "class") == {"ok"}
    for name in think_s:
        assert [record["decision"] for record in running.admin.history(name)] == ["start"]
        errors = next(guard for guard in running.admin.rollout(name)["guards"] if guard["name"] == "errorRate")
        for arm_of in ("baseline_since_start", "candidate_since_start"):
            assert errors[arm_of]["n"] >= 25 and errors[arm_of]["x"] == 0
