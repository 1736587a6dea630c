"""kill -9 at any moment: what was decided, and said to be, is there after the next start, and nothing else."""
from __future__ import annotations

import dataclasses
import http.client
import json
import os
import pathlib
import random
import re
import threading
import time
from typing import Any, Callable

from assignment import arm
from faulty_disk import HangingDisk, in_pieces
from load import Load
from origin import Origin
from outcomes import metric
from plans import Plan, at_weight, canary
from polling import wait_until
from replaying import decided, nothing_differs, replay
from steering import WITHOUT_LATENCY, begun, history_of, rounded, set_weight, versions_of
from weir_harness import Admin, Weir

_KILLS = int(os.environ.get("WEIR_KILLS", "20"))
_USERS = [f"user-{i}" for i in range(60)]
_FIRST_WEIGHT = 10


@dataclasses.dataclass
class Order:
    """A command of an operator, and the decision that it becomes."""
    verb: str
    percent: float = 0

    _DECISIONS = {"weight": "weight", "pause": "pause", "resume": "resume", "abort": "rollback", "retry": "start"}

    def fits(self, record: Any) -> bool:
        weights = {"weight": self.percent, "abort": 0, "retry": _FIRST_WEIGHT}
        weight = weights.get(self.verb, record["weight_before_percent"])
        return record["decision"] == self._DECISIONS[self.verb] and record["weight_after_percent"] == weight


class Operator(threading.Thread):
    """Gives orders as fast as they are obeyed, until the weir is gone."""

    def __init__(self, admin: Admin, seed: int):
        super().__init__()
        self._admin = admin
        self._random = random.Random(seed)
        self.obeyed: list[Order] = []
        self.unanswered: Order | None = None
        self.surprises: list[tuple[int, str]] = []

    def run(self) -> None:
        while True:
            order = Order(self._random.choice(["weight"] * 6 + ["pause", "resume", "abort", "retry", "retry"]),
                          self._random.randint(1, 95))
            body = json.dumps({"percent": order.percent}) if order.verb == "weight" else ""
            self.unanswered = order
            try:
                status, reply = self._admin.post(f"services/chat/{order.verb}", body)
            except (OSError, http.client.HTTPException):
                return
            self.unanswered = None
            if status == 200:
                self.obeyed.append(order)
            elif status != 409:  # an order that does not suit the phase is refused
                self.surprises.append((status, reply))


def _check_new_records(fresh: list[Any], operator: Operator) -> None:
    """`fresh`, oldest first, is what was obeyed, and at most the one order more that was never answered."""
    assert not operator.surprises
    orders = list(operator.obeyed)
    if len(fresh) > len(orders) and operator.unanswered is not None:
        orders.append(operator.unanswered)
    told = [(record["decision"], record["weight_after_percent"]) for record in fresh]
    assert len(fresh) == len(orders) and all(map(Order.fits, orders, fresh)), (told, orders)


def _check_standing(weir: Weir, last: Any) -> None:
    rollout = weir.admin.rollout()
    assert rollout["phase"] == last["phase_after"] and rollout["weight_percent"] == last["weight_after_percent"]
    assert (rollout["step_id"], rollout["attempt"]) == (last["step_id_after"], last["attempt"])
    assert rollout["reason"] == last["reason"] and rollout["durable"]
    weight = last["weight_after_percent"]
    assert versions_of(weir.port, _USERS) == {user: arm(user, weight) for user in _USERS}


def _plan(origin: Callable[..., Origin], weight: float) -> Plan:
    return canary(origin("v1"), origin("v2"), at_weight(weight), rollout={"analysis": WITHOUT_LATENCY})


def test_what_was_decided_outlives_kills(new_weir: Callable[..., Weir], origin: Callable[..., Origin],
                                         tmp_path: pathlib.Path) -> None:
    moments = random.Random(20)
    disk = HangingDisk(tmp_path)
    running = begun(new_weir(_plan(origin, _FIRST_WEIGHT)).start())
    number_decided = 0
    with Load(running.port, rate=150, users=100):
        known = history_of(running)
        for kill in range(_KILLS):
            operator = Operator(running.admin, seed=kill)
            operator.start()
            operator.join(moments.uniform(0, 0.5))  # the moment of the fault, not a wait for anything
            running.kill()
            operator.join()
            # Every other life is on a disk so slow that kills come between a decision and its end on the disk.
            begun(running.start(**disk.environment(delay_ms=15 * (kill % 2))))
            history = history_of(running)
            fresh = history[: history.index(known[0])]
            _check_new_records(fresh[::-1], operator)
            assert history[len(fresh):][:100] == known[:100]
            _check_standing(running, history[0])
            number_decided += len(fresh)
            known = history
    nothing_differs(replay("chat", "--config", str(running.file)))
    assert number_decided >= _KILLS // 4  # enough of the kills came after something had been decided


def test_records_are_read_up_to_where_a_kill_cut_them(new_weir: Callable[..., Weir], origin: Callable[..., Origin],
                                                      tmp_path: pathlib.Path) -> None:
    moments = random.Random(21)
    kills = 6
    candidate = origin("v2")
    running = new_weir(canary(origin("v1"), candidate, at_weight(_FIRST_WEIGHT), rollout={"analysis": WITHOUT_LATENCY}))
    slowly = in_pieces(tmp_path)
    records = running.directory / "weir.db.records"
    ticks = torn = 0

    def whole() -> Any:
        """What can be read, and no more is said to be missing than a kill has left in a file."""
        nonlocal torn
        replayed = replay("chat", "--state", str(running.directory / "weir.db"))
        nothing_differs(replayed)
        torn = len(replayed["problems"])
        for problem in replayed["problems"]:
            path, _, what = problem.partition(": ")
            cut = re.fullmatch(r"the last (\d+) bytes are no whole block, and were left out", what)
            size = (records / pathlib.Path(path).name).stat().st_size
            assert what == "the file has only begun" or cut and 0 < int(cut[1]) < size, (problem, size)
        return replayed

    with Load(running.port, rate=300, users=200) as load:
        for kill in range(kills):
            begun(running.start(**slowly))
            wait_until(lambda: metric(running, "weir_records_written_bytes_total") > 0, "there is something whole")
            for _ in range(2):
                set_weight(running, moments.randint(1, 95))
            time.sleep(moments.uniform(0, 0.5))  # the moment of the fault, not a wait for anything
            running.kill()
            replayed = whole()
            assert replayed["ticks"] > ticks and torn <= kill + 1
            assert [event["event"] for event in replayed["events"]].count("restart") == kill
            ticks = replayed["ticks"]
        assert torn >= kills // 2 and ticks > 0
        begun(running.start())
        candidate.set(status=500)
        running.wait_phase("rolledBack")
        load.stop()
    history = history_of(running)[::-1]
    running.stop()
    replayed = whole()
    known = [rounded(event["record"]) for event in decided(replayed)]
    assert [record for record in history if record in known] == known
    assert known[-1] == history[-1] and decided(replayed)[-1]["again"]
    assert torn >= kills // 2 and replayed["ticks"] > ticks


def test_evidence_is_at_most_ten_seconds_old(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    running = begun(weir(_plan(origin, 30)))
    seen: list[tuple[float, dict[str, int]]] = []

    def watched_for(seconds: float) -> bool:
        seen.append((time.monotonic(), running.admin.rollout()["requests_in_step"]))
        return seen[-1][0] - seen[0][0] >= seconds

    with Load(running.port, rate=150, users=100) as load:
        wait_until(lambda: load.tally().answered > 0, "there is traffic")
        wait_until(lambda: watched_for(17), "some seconds have passed", timeout_s=40)
        running.kill()
        killed = time.monotonic()
    begun(running.start())
    counts = running.admin.rollout()["requests_in_step"]
    # A save takes its time, and the status is told twice a second.
    _, old_enough = max((sample for sample in seen if sample[0] <= killed - 13), key=lambda sample: sample[0])
    for name in ("baseline", "candidate"):
        assert 0 < old_enough[name] <= counts[name] <= seen[-1][1][name] + 150
