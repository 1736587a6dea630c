"""What a weir recorded is enough to make its decisions again, to the last bit: after it has ended, while it runs, and after a kill."""
from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any, Callable

from exposition import Exposition
from load import Load
from origin import Origin
from plans import Plan, canary, step
from polling import wait_until
from replaying import decided, has_the_same, replay
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
    has_the_same(replay("chat", "--state", state), history)
    assert Exposition(running.admin.metrics()).total("weir_records_lost_ticks_total") == 0
    assert Exposition(running.admin.metrics()).total("weir_records_written_bytes_total") > 0
    running.stop()
    replayed = replay("--config", str(running.file))
    has_the_same(replayed, history)
    assert [event["on_evidence"] for event in decided(replayed)] == [False, True, False, False, True]
    assert replayed["frames_equal"] >= 4 and replayed["ticks"] > 20
    told = run_cli("replay", f"{state}.records").stdout
    assert "2 of 2 decisions on the evidence were made again, to the last bit" in told
    assert f"because {history[-1]['reason'][:40]}" in told
    first = run_cli("replay", "chat", f"{state}.records", "--to", history[0]["time"], "--plan", str(running.file)).stdout
    assert "Nothing was decided on the evidence" in first and "0 of 0" not in first, first
    assert f"{running.file} would have decided nothing either" in first, first
    later = run_cli("replay", "chat", "--config", str(running.file), "--from", "2099-01-01T00:00:00Z")
    assert later.returncode == 1 and "say nothing of a rollout of \"chat\" in that time" in later.stderr, later
    # One bit in the midst of a copy: what lies behind it is replayed, and what is missing is said.
    copy = tmp_path / "copied"
    shutil.copytree(f"{state}.records", copy)
    segment, = copy.iterdir()
    damaged = bytearray(segment.read_bytes())
    damaged[len(damaged) // 3] ^= 1
    segment.write_bytes(damaged)
    replayed = replay(str(copy), code=1)
    assert replayed["damaged"] and "bytes in the midst of it are damaged" in replayed["problems"][0], replayed["problems"]
    assert [event["record"]["decision"] for event in decided(replayed)] == [r["decision"] for r in history]
    assert [event["event"] for event in replayed["events"]].count("gap") == 1
    told = run_cli("replay", str(copy))
    assert told.returncode == 1 and "are damaged, and were left out" in told.stdout, told
    # A whole segment of which nothing is known, behind one that is whole.
    shutil.rmtree(copy)
    shutil.copytree(f"{state}.records", copy)
    damaged[3] ^= 1
    (copy / "9999999999.records").write_bytes(damaged)
    told = run_cli("replay", str(copy))
    assert told.returncode == 1 and "9999999999.records: these are no decision records of a weir" in told.stdout, told
    assert "2 of 2 decisions on the evidence" in told.stdout, told


def test_another_plan_is_judged_by_the_same_traffic(weir: Callable[..., Weir], origin: Callable[..., Origin],
                                                    tmp_path: pathlib.Path) -> None:
    plan = _plan(origin("v1"), origin("v2", fail_share=0.3, fail_status=500))
    running = begun(weir(plan))
    with Load(running.port, rate=300, users=_USERS, connections=32):
        running.wait_phase("rolledBack")
    story = running.cli("history", "chat").stdout
    assert "because errorRate" in story and "over the same seconds" in story and "groups of users" in story, story
    # Nothing is flushed by a kill: what was decided is there.
    running.kill()
    other = tmp_path / "other.yaml"

    def by(*, code: int = 0, **rollout: Any) -> Any:
        changed = {**running.plan, "rollouts": {"chat": {**plan["rollouts"]["chat"], **rollout}}}
        other.write_text(json.dumps(changed, indent=1))
        done = run_cli("replay", "chat", "--config", str(running.file), "--plan", str(other), "--format", "json")
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stderr if code else json.loads(done.stdout)["events"]

    def would(events: Any) -> list[str]:
        return [event["record"]["decision"] for event in events if event["event"] == "would"]

    events = by()
    assert would(events) == ["rollback"]
    did, other_did = ({**rounded(event["record"]), "time": ""} for kind in ("decided", "would") for event in events
                      if event["event"] == kind and event["record"]["decision"] == "rollback")
    assert did == other_did
    watched: Plan = {"guards": [{**guard, "onGuardFail": "pause"} for guard in _GUARDS["guards"]]}
    assert would(by(analysis=watched)) == ["pause"]
    lenient: Plan = {"guards": [{"metric": "errorRate", "allowedDegradation": {"absolute": "90%"}}, *_GUARDS["guards"][1:]]}
    events = by(analysis=lenient)
    assert would(events) == []
    assert [event["text"] for event in events if event["event"] == "would_not"][0].startswith("it would not have been taken back")
    refused = by(code=1, steps=step(20, _HOLD))
    line = next(number for number, text in enumerate(other.read_text().splitlines(), 1) if '"setWeight": 20' in text)
    assert f"{other}:{line}:" in refused and "setWeight 20% where 10% was" in refused, refused


def test_nothing_is_kept_where_the_plan_says_so(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    running = weir(_plan(origin("v1"), origin("v2")))
    running.stop()
    plan = {**running.plan, "state": {"path": str(running.directory / "none.db"), "records": "0B"}}
    running.write(plan)
    begun(running.start())
    running.stop()
    assert not (running.directory / "none.db.records").exists()
    done = run_cli("replay", "--config", str(running.file))
    assert done.returncode == 1 and "there are no decision records in" in done.stderr
    for wrong in (("--from", "yesterday"), ("--from", "1h", "--to", "2h"), ("chat", "search"),
                  ("--config", str(running.directory / "missing.yaml"))):
        assert run_cli("replay", *wrong).returncode == 2, wrong
