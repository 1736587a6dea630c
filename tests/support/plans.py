"""Plan files as dictionaries. A plan is written as JSON, which is YAML."""
from __future__ import annotations

from typing import Any

Plan = dict[str, Any]

BY_USER = {"by": [{"header": "x-user-id"}]}


def version(*origins: Any) -> Plan:
    """A version at these origins: objects with a port, or ports."""
    ports = [getattr(origin, "port", origin) for origin in origins]
    return {"endpoints": [f"http://127.0.0.1:{port}" for port in ports]}


def one_version(origin: Any, **top: Any) -> Plan:
    """Everything to one version of the service "chat"."""
    return {"services": {"chat": {"versions": {"v1": version(origin)}}}, "routes": [route()], **top}


def route(service: str = "chat", prefix: str = "/", **rest: Any) -> Plan:
    return {"match": {"pathPrefix": prefix}, "service": service, **rest}


def step(weight: float, hold: Plan | None = None, pause: Plan | None = None) -> list[Plan]:
    stages: list[Plan] = [{"setWeight": weight}]
    if hold is not None:
        stages.append({"hold": hold})
    if pause is not None:
        stages.append({"pause": pause})
    return stages


def at_weight(weight: float) -> list[Plan]:
    """Steps that begin at this weight and stay there for as long as any test takes."""
    return step(weight, hold={"atLeast": "1h", "atMost": "2h"})


def canary(baseline: Any, candidate: Any, steps: list[Plan], *, rollout: Plan | None = None, **top: Any) -> Plan:
    """The service "chat" from v1 to v2, sticky by x-user-id. `rollout` adds to or replaces what the rollout says."""
    return {
        "services": {"chat": {"versions": {"v1": version(baseline), "v2": version(candidate)}}},
        "routes": [route()],
        "rollouts": {
            "chat": {"baseline": "v1", "candidate": "v2", "stickiness": BY_USER, "steps": steps, **(rollout or {})}
        },
        **top,
    }
