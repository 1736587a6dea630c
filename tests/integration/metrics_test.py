"""/metrics: what Prometheus' own tool says of it, and the right figures for a known traffic (PRODUCT.md section 3)."""
from __future__ import annotations

import collections
import subprocess
from typing import Callable

import pytest
from assignment import arm
from exposition import Exposition
from http_client import Connection, get
from origin import Origin
from plans import BY_USER, Plan, at_weight, canary, one_version, route, version
from polling import wait_until
from ports import free_port
from steering import WITHOUT_LATENCY, begun, set_weight
from weir_harness import Weir

_PHASES = {"running", "paused", "baking", "promoted", "rolledBack"}
_STATUS_CLASSES = {200: "ok", 201: "ok", 404: "http_4xx", 422: "http_4xx", 500: "http_5xx", 502: "http_5xx",
                   429: "capacity", 529: "capacity", 503: "http_5xx"}


@pytest.fixture
def plan(origin: Callable[..., Origin]) -> Plan:
    """A rollout of chat, one of search, and a service without one whose endpoint nobody listens on."""
    v1, v2 = origin("v1"), origin("v2")
    chat = canary(v1, v2, at_weight(30), rollout={"analysis": WITHOUT_LATENCY})
    search = {"baseline": "old", "candidate": "new", "stickiness": BY_USER, "steps": at_weight(0)}
    services = {**chat["services"], "search": {"versions": {"old": version(v1), "new": version(v2)}},
                "gone": {"versions": {"only": version(free_port())}}}
    routes = [route("search", "/search", name="search-route"), route("gone", "/gone", name="gone-route"),
              route("chat", "/", name="chat-route")]
    return {"services": services, "routes": routes, "rollouts": {**chat["rollouts"], "search": search}}


def _when(weir: Weir, requests: int) -> Exposition:
    """As soon as so many requests have been counted."""
    def counted() -> Exposition | None:
        metrics = Exposition(weir.admin.metrics())
        return metrics if metrics.total("weir_requests_total") >= requests else None
    return wait_until(counted, f"{requests} requests are in /metrics")


def _check_with_promtool(text: str) -> None:
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, timeout=60,
                          check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_promtool_finds_nothing_to_say(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir(plan))
    for target in ("/", "/search", "/gone", "/status/500"):
        get(running.port, target, {"x-user-id": "user-1"})
    _when(running, 4)
    _check_with_promtool(running.admin.metrics())


def test_promtool_finds_nothing_to_say_of_answers(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    running = weir(one_version(origin("v1", tokens=4), routes=[route(inspect="openai")]))
    for _ in range(3):
        get(running.port)
    metrics = _when(running, 3)
    _check_with_promtool(running.admin.metrics())
    assert metrics.types["gen_ai_server_time_to_first_token_seconds"] == "histogram"
    assert metrics.total("gen_ai_client_token_usage_sum", gen_ai_token_type="output") == 12
    assert {"0.001", "0.02", "0.25", "10", "160", "+Inf"} <= metrics.labels(
        "gen_ai_server_time_to_first_token_seconds_bucket", "le")


def test_requests_are_counted_by_what_became_of_them(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir(plan))
    expected: collections.Counter[tuple[str, str]] = collections.Counter()
    with Connection(running.port) as connection:
        for i in range(120):
            status = list(_STATUS_CLASSES)[i % len(_STATUS_CLASSES)]
            user = f"user-{i}"
            assert connection.request("GET", f"/status/{status}", {"x-user-id": user}).status == status
            expected[arm(user, 30), _STATUS_CLASSES[status]] += 1
    for _ in range(3):
        assert get(running.port, "/gone").status == 503
    metrics = _when(running, 123)
    counted = {(labels["version"], labels["class"]): value for name, labels, value in metrics.samples
               if name == "weir_requests_total" and labels["service"] == "chat"}
    assert counted == expected
    assert metrics.total("weir_requests_total", service="chat", route="chat-route") == 120
    assert metrics.total("weir_requests_total", service="gone", route="gone-route", version="only",
                         **{"class": "connect"}) == 3
    assert metrics.total("weir_requests_total") == 123


def test_durations_are_a_histogram_by_version(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir(plan))
    with Connection(running.port) as connection:
        for i in range(40):
            connection.request("GET", "/drip/1/45", {"x-user-id": f"user-{i}"})
    metrics = _when(running, 40)
    candidates = sum(arm(f"user-{i}", 30) == "v2" for i in range(40))
    for name, count in (("v1", 40 - candidates), ("v2", candidates)):
        name_of = {"service": "chat", "version": name}
        assert metrics.total("weir_request_duration_seconds_count", **name_of) == count
        assert metrics.total("weir_request_duration_seconds_bucket", le="+Inf", **name_of) == count
        assert metrics.total("weir_request_duration_seconds_bucket", le="0.04", **name_of) == 0
        assert metrics.total("weir_request_duration_seconds_sum", **name_of) >= count * 0.045
    bounds = metrics.labels("weir_request_duration_seconds_bucket", "le")
    assert {"0.01", "0.02", "0.04", "0.08", "0.16", "0.32", "0.64", "1.28", "2.56", "5.12", "10.24", "20.48", "40.96",
            "81.92", "+Inf"} <= bounds
    assert metrics.types["weir_request_duration_seconds"] == "histogram"


def test_rollouts_are_shown_as_they_stand(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir(plan))
    set_weight(running, 12.5)
    metrics = Exposition(running.admin.metrics())
    assert metrics.total("weir_rollout_weight", service="chat") == 0.125
    assert metrics.total("weir_rollout_weight", service="search") == 0
    for service in ("chat", "search"):
        phases = {labels["phase"]: value for name, labels, value in metrics.samples
                  if name == "weir_rollout_phase" and labels["service"] == service}
        assert phases == {phase: float(phase == "running") for phase in _PHASES}
        guards = {guard["name"] for guard in running.admin.rollout(service)["guards"]}
        evidence = [(labels["guard"], labels["toward"], value) for name, labels, value in metrics.samples
                    if name == "weir_guard_evidence" and labels["service"] == service]
        assert {(guard, toward) for guard, toward, _ in evidence} == {
            (guard, toward) for guard in guards for toward in ("rollback", "advance")}
        assert all(0 <= value <= 1 for _, _, value in evidence)
    running.cli("abort", "chat")

    def told() -> bool:
        fresh = Exposition(running.admin.metrics())
        return (fresh.total("weir_rollout_phase", service="chat", phase="rolledBack") == 1
                and fresh.total("weir_rollout_phase", service="chat") == 1)
    wait_until(told, "the rollback is in /metrics")


def test_no_label_is_a_clients_to_choose(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir(plan))

    def ask(count: int, odd: str) -> None:
        with Connection(running.port) as connection:
            for i in range(count):
                fields = {"x-user-id": f"{odd}{i % 50}", "Host": f"{odd}{i}.test", "user-agent": f"{odd}{i}"}
                method = "GET" if i % 2 else f"{odd.upper()}{i}"
                assert connection.request(method, f"/{odd}/{i}?q={i}", fields).status == 200

    def series() -> set[tuple[str, str]]:
        return {(name, str(sorted(labels.items()))) for name, labels, _ in Exposition(running.admin.metrics()).samples}

    ask(100, "a")
    _when(running, 100)
    before = series()
    ask(300, "b")
    metrics = _when(running, 400)
    assert series() == before
    assert metrics.labels("weir_requests_total", "service") <= {"chat", "search", "gone"}
    assert metrics.labels("weir_requests_total", "route") <= {"chat-route", "search-route", "gone-route"}
    assert metrics.labels("weir_requests_total", "version") <= {"v1", "v2"}


def test_the_process_and_the_store_are_there(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir(plan))
    metrics = Exposition(running.admin.metrics())
    for name in ("weir_store_healthy", "weir_ready", "weir_build_info"):
        assert metrics.total(name) == 1, name
    for name in ("weir_outcomes_dropped_total", "weir_store_write_failures_total", "weir_reloads_total",
                 "weir_requests_unkeyed_total", "weir_requests_overridden_total", "weir_requests_refused_total"):
        assert name in metrics and metrics.total(name) == 0, name
        assert metrics.types[name] == "counter"
    assert metrics.total("process_resident_memory_bytes") > 0 and metrics.total("process_open_fds") > 0
    running.cli("reload")
    wait_until(lambda: Exposition(running.admin.metrics()).total("weir_reloads_total") == 1, "the reload is counted")
