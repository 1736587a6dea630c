"""What tests do to a rollout over and over: wait for its begin, set its weight, ask who gets which version."""
from __future__ import annotations

import json
from typing import Any

from http_client import Connection, Reply
from plans import Plan
from polling import wait_until
from weir_harness import Weir

# For tests that are about something else: on a busy machine one origin's process may well be slower than the other's
# for a while, and a weir that says so is right.
WITHOUT_LATENCY: Plan = {"guards": [{"metric": "latency", "enabled": False}]}


def begun(weir: Weir) -> Weir:
    """A weir is ready, and serves its baseline, until the disk has taken a write and a new rollout has begun."""
    def has() -> bool:
        rollout = weir.admin.rollout()
        waits_for_disk = any(wait.startswith("disk: ") for wait in rollout["waits"])
        return bool(rollout["step_id"] > 0 and rollout["durable"] and not waits_for_disk)
    wait_until(has, "the rollout has begun")
    return weir


def set_weight(weir: Weir, percent: float) -> None:
    begun(weir)
    status, body = weir.admin.post("services/chat/weight", json.dumps({"percent": percent}))
    assert status == 200, body
    wait_until(lambda: weir.admin.rollout()["weight_percent"] == percent, f"the weight is {percent}")


def answered_by(reply: Reply) -> str:
    assert reply.status == 200, reply
    assert reply["x-weir-version"] == reply["x-origin"]  # what is said is what was done
    return str(reply["x-weir-version"])


def versions_of(port: int, users: list[str]) -> dict[str, str]:
    """The version that answers each user, asked on one connection: assignment is per request."""
    with Connection(port) as connection:
        return {user: answered_by(connection.request("GET", "/", {"x-user-id": user})) for user in users}


def standing(weir: Weir) -> dict[str, Any]:
    """All that has to be the same after a restart."""
    rollout = weir.admin.rollout()
    kept = ("baseline", "candidate", "revision", "phase", "reason", "decided", "durable", "weight_percent", "step",
            "steps", "step_id", "attempt")
    return {**{name: rollout[name] for name in kept}, "history": history_of(weir)}


def decisions(weir: Weir) -> list[str]:
    """Oldest first."""
    return [record["decision"] for record in weir.admin.history()[::-1]]


def phase_and_weight(weir: Weir) -> tuple[str, float]:
    rollout = weir.admin.rollout()
    return rollout["phase"], rollout["weight_percent"]


def changed(plan: Plan, **rollout: Any) -> Plan:
    return {**plan, "rollouts": {"chat": {**plan["rollouts"]["chat"], **rollout}}}


def history_of(weir: Weir) -> list[Any]:
    """Newest first, with numbers that can be compared: those read back from the disk may differ in their last digit."""
    return [rounded(record) for record in weir.admin.history()]


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value
