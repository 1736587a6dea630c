"""`weir replay` of what a weir has recorded, and what each replay of it must say."""
from __future__ import annotations

import json
from typing import Any

from steering import rounded
from weir_harness import run_cli


def replay(*arguments: str, code: int = 0) -> Any:
    done = run_cli("replay", *arguments, "--format", "json")
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


def decided(replayed: Any) -> list[Any]:
    return [event for event in replayed["events"] if event["event"] == "decided"]


def nothing_differs(replayed: Any) -> None:
    """What was decided on the evidence is decided again, to the last bit."""
    assert not [event for event in replayed["events"] if event["event"] == "diverged"], replayed
    assert all(event["again"] for event in decided(replayed) if event["on_evidence"]), decided(replayed)


def has_the_same(replayed: Any, history: list[Any]) -> None:
    """Each decision of the history, oldest first, with the same numbers."""
    assert replayed["problems"] == [], replayed
    nothing_differs(replayed)
    assert [rounded(event["record"]) for event in decided(replayed)] == history
