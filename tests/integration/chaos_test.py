"""Origins that are killed, hang, refuse, break off and talk nonsense while a rollout runs: who sees it, who is blamed."""
from __future__ import annotations

import random
import threading
from typing import Any, Callable

from assignment import arm
from http_client import get
from load import Load
from origin import Origin
from outcomes import metric
from plans import Plan, at_weight, canary, step, version
from polling import wait_until
from raw_origin import Peer, RawOrigin
from steering import WITHOUT_LATENCY, begun, decisions, phase_and_weight
from weir_harness import Weir

StartOrigin = Callable[..., Origin]
StartWeir = Callable[..., Weir]

_WEIGHT = 20
_USERS = 200
_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
# What a direct client of a healthy endpoint never sees: the other endpoint hides it.
_RETRIES: Plan = {"attempts": 3, "onReset": True, "onTimeout": True, "budget": "100%"}


class Chaos:
    """An origin's script: every request meets another misfortune, drawn from a seed."""

    def __init__(self, seed: int):
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self.over = threading.Event()

    def _draw(self) -> float:
        with self._lock:
            return self._chance.random()

    def serve(self, peer: Peer) -> None:
        while peer.request():
            draw = self._draw()
            if draw < 0.3:
                return peer.reset()
            if draw < 0.5:
                peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nnot a thousand")
                return peer.reset()
            if draw < 0.7:
                return peer.send(bytes(range(256)))
            if draw < 0.8:
                return peer.send(b"HTTP/1.1 200 O")
            if draw < 0.85:
                self.over.wait(30)
                return
            peer.send(_OK)


def answers_more(load: Load, count: int) -> Any:
    goal = load.tally().answered + load.tally().broken + count
    return wait_until(lambda: load.tally().answered + load.tally().broken >= goal, f"{count} more are over", timeout_s=60)


def test_a_candidate_in_chaos_is_taken_back(weir: StartWeir, origin: StartOrigin) -> None:
    """Meanwhile one of the baseline's endpoints dies and comes back, and no user of the baseline sees any of it."""
    chaos = Chaos(3)
    mortal, other = origin("v1"), origin("v1")
    with RawOrigin(chaos.serve) as candidate:
        plan = canary(mortal, candidate, at_weight(0), rollout={"analysis": WITHOUT_LATENCY}, retries=_RETRIES,
                      timeouts={"responseHeader": "1s"})
        plan["services"]["chat"]["versions"]["v1"] = version(mortal, other)
        running = begun(weir(plan))
        with Load(running.port, rate=200, users=_USERS, connections=64) as load:
            answers_more(load, 200)
            running.cli("weight", "chat", str(_WEIGHT))
            for _ in range(3):
                mortal.die()
                answers_more(load, 50)
                mortal.start()
                answers_more(load, 50)
            rollout = running.wait_phase("rolledBack")
            chaos.over.set()
            assert rollout["weight_percent"] == 0 and rollout["reason"].startswith("errorRate: candidate ")
            answers_more(load, 100)
            tally = load.stop()
        assert tally.failed_by_version.get("v1", 0) == 0 and tally.refused == 0, vars(tally)
        hit = {error.partition(" ")[0] for error in tally.errors}
        assert all(arm(user, _WEIGHT) == "v2" for user in hit), tally.errors


def test_a_baseline_in_chaos_does_not_blame_the_candidate(weir: StartWeir, origin: StartOrigin) -> None:
    """Nor does the candidate rise meanwhile: what it is compared with is not well."""
    chaos = Chaos(4)
    steps = [*step(_WEIGHT, hold={"atLeast": "1s", "minRequests": 1, "atMost": "1h"}), *at_weight(50)]
    with RawOrigin(chaos.serve) as baseline:
        running = begun(weir(canary(baseline, origin("v2"), steps, rollout={"analysis": WITHOUT_LATENCY},
                                    timeouts={"responseHeader": "1s"})))
        with Load(running.port, rate=200, users=_USERS, connections=64) as load:
            wait_until(lambda: any(wait.startswith("baseline_unhealthy") for wait in running.admin.rollout()["waits"]),
                       "the baseline is seen to be unwell", timeout_s=60)
            answers_more(load, 200)
            assert phase_and_weight(running)[1] == _WEIGHT
            assert not {"rollback", "promote"} & set(decisions(running))
            chaos.over.set()
            tally = load.stop()
        assert tally.failed_by_version.get("v2", 0) == 0


def test_with_both_versions_down_nothing_is_decided(weir: StartWeir, origin: StartOrigin) -> None:
    baseline, candidate = origin("v1"), origin("v2")
    steps = [*step(_WEIGHT, hold={"atLeast": "1s", "minRequests": 1, "atMost": "1h"}), *at_weight(50)]
    running = begun(weir(canary(baseline, candidate, steps, rollout={"analysis": WITHOUT_LATENCY})))
    baseline.die()
    candidate.die()
    before = decisions(running)
    with Load(running.port, rate=300, users=_USERS, connections=32) as load:
        answers_more(load, 400)
        tally = load.stop()
    # The first may have met a connection that was open when its origin died.
    assert tally.broken == tally.refused == 0 and set(tally.by_status) <= {"502", "503"}, vars(tally)
    assert tally.by_status["503"] > 350
    reply = get(running.port, "/", {"x-user-id": "somebody"})
    assert (reply.status, reply["x-weir-reason"], reply.json()["error"]["code"]) == (503, "connect", "connect")
    assert decisions(running) == before
    assert phase_and_weight(running) == ("running", _WEIGHT)
    assert metric(running, "weir_requests_total", **{"class": "ok"}) == 0
    baseline.start()
    candidate.start()
    wait_until(lambda: get(running.port, "/", {"x-user-id": "somebody"}).status == 200, "all is well again")
