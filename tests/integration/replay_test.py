"""What a weir recorded is enough to make its decisions again, to the last bit: after it has ended, while it runs, and after a kill."""
from __future__ import annotations

import json
import pathlib
from typing import Any, Callable

from exposition import Exposition
from load import Load
from origin import Origin
from plans import Plan, canary, step
from polling import wait_until
from steering import begun, history_of, rounded
from weir_harness import Weir, run_cli

_USERS = 200
_HOLD = {"atLeast": "1s", "minRequests": 50, "atMost": "5m"}
# As in promotion_test.py: on a busy machine one origin's process may be slower than the other's.
_WIDE: Plan = {"metric": "latency", "allowedDegradation": {"relative": "100%", "absolute": "2s"}}
_GUARDS: Plan = {"guards": [{"metric": "errorRate", "allowedDegradation": {"absolute": "1%"}},
                            {**_WIDE, "quantile": 0.5}, {**_WIDE, "quantile": 0.99, "gate": False}]}


def _plan(baseline: Origin, candidate: Origin, **top: Any) -> Plan:
    return canary(baseline, candidate, [*step(10, _HOLD), *step(50, {"atLeast": "1h", "atMost": "2h"})],
                  rollout={"analysis": _GUARDS}, **top)


def _replay(*arguments: str, code: int = 0) -> Any:
    done = run_cli("replay", *arguments, "--format", "json")
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


def _decided(replayed: Any) -> list[Any]:
    return [event for event in replayed["events"] if event["event"] == "decided"]


def _has_the_same(replayed: Any, history: list[Any]) -> None:
    """Each decision of the history, oldest first, with the same numbers; those on the evidence made again."""
    assert replayed["problems"] == [] and not [e for e in replayed["events"] if e["event"] == "diverged"], replayed
    decided = _decided(replayed)
    assert [rounded(event["record"]) for event in decided] == history
    assert all(event["again"] for event in decided if event["on_evidence"]), decided


def test_a_live_rollout_is_decided_again(weir: Callable[..., Weir], origin: Callable[..., Origin],
                                         tmp_path: pathlib.Path) -> None:
    candidate = origin("v2")
    running = begun(weir(_plan(origin("v1"), candidate)))
    with Load(running.port, rate=450, users=_USERS, connections=32) as load:
        wait_until(lambda: running.admin.rollout()["weight_percent"] == 50, "it has advanced", timeout_s=120)
        running.cli("pause", "chat")
        running.cli("resume", "chat")
        candidate.set(fail_share=0.5, fail_status=500)
        running.wait_phase("rolledBack")
        load.stop()
    history = history_of(running)[::-1]
    assert [r["decision"] for r in history] == ["start", "advance", "pause", "resume", "rollback"]
    state = str(running.directory / "weir.db")
    # While it runs: what was decided is there at once.
    _has_the_same(_replay("chat", "--state", state), history)
    assert Exposition(running.admin.metrics()).total("weir_records_lost_ticks_total") == 0
    assert Exposition(running.admin.metrics()).total("weir_records_written_bytes_total") > 0
    running.stop()
    replayed = _replay("--config", str(running.file))
    _has_the_same(replayed, history)
    assert [event["on_evidence"] for event in _decided(replayed)] == [False, True, False, False, True]
    assert replayed["frames_equal"] >= 4 and replayed["ticks"] > 20
    told = run_cli("replay", f"{state}.records").stdout
    assert "2 of 2 decisions on the evidence were made again, to the last bit" in told
    assert f"because {history[-1]['reason'][:40]}" in told
