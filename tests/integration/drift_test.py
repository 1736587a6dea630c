"""Nobody is left on the baseline: a candidate that is worse than the baseline was is told of, and not taken back for it."""
from __future__ import annotations

from typing import Any, Callable

from load import Load
from origin import Origin
from plans import at_weight, canary, step
from polling import wait_until
from steering import WITHOUT_LATENCY, begun, decisions
from weir_harness import Weir

_WORDS = "since nobody is left on the baseline, by whose past at most "


def _errors(weir: Weir) -> Any:
    return next(guard for guard in weir.admin.rollout()["guards"] if guard["name"] == "errorRate")


def _warnings(weir: Weir) -> list[str]:
    return [wait for wait in weir.admin.rollout()["waits"] if wait.startswith("warning: ")]


def test_what_is_worse_than_the_baseline_was_is_told_of(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    candidate = origin("v2", fail_share=0.1)
    rollout = {"analysis": {**WITHOUT_LATENCY, "holdback": 0}}
    steps = [*at_weight(50), *step(100, hold={"atLeast": "1h", "atMost": "2h"})]
    running = begun(weir(canary(origin("v1", fail_share=0.1), candidate, steps, rollout=rollout)))
    with Load(running.port, rate=400, users=200) as load:
        def judged(version: str, count: int) -> Any:
            return wait_until(lambda: running.admin.rollout()["requests_in_step"][version] >= count,
                              f"{count} requests of the {version} are judged")
        judged("baseline", 1_000)
        assert "drift_limit_percent" not in _errors(running)
        running.cli("promote", "chat")
        wait_until(lambda: running.admin.rollout()["weight_percent"] == 100, "everybody has the candidate")
        judged("candidate", 1_500)
        # As the baseline was: 1.1 times its errors, and three times the margin.
        assert 8 < _errors(running)["drift_limit_percent"] < 15
        assert _warnings(running) == []

        candidate.set(fail_share=0.6)
        [warning] = wait_until(lambda: _warnings(running), "a warning")
        assert warning.startswith("warning: errorRate: ") and _WORDS in warning
        assert _errors(running)["toward_drift"] == 1
        assert _WORDS in running.cli("status", "chat").stdout

        # It is told until somebody resumes, and nothing is done for it.
        candidate.set(fail_share=0.1)
        judged("candidate", running.admin.rollout()["requests_in_step"]["candidate"] + 500)
        assert _WORDS in _warnings(running)[0]
        running.cli("pause", "chat")
        running.cli("resume", "chat")
        wait_until(lambda: not _warnings(running), "no warning")
        load.stop()
    assert decisions(running) == ["start", "advance", "pause", "resume"]
    assert running.admin.rollout()["weight_percent"] == 100
