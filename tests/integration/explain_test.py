"""What `weir explain` and `weir check` say of a rollout that has not begun."""
from __future__ import annotations

import json
import os
import pathlib
import subprocess
from typing import Any, Callable

import pytest
from load import Load
from origin import Origin
from plans import BY_USER, at_weight, canary, one_version, step
from polling import wait_until
from ports import free_port
from weir_harness import Weir, program

HOUR = {"atLeast": "1s", "minRequests": 1, "atMost": "1h"}
STEPS = [*step(5, hold=HOUR), *step(100, hold={"atLeast": "10m"})]


def weir_says(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Without what would lead it to another weir."""
    environment = {name: value for name, value in os.environ.items() if name not in ("WEIR_ADMIN", "WEIR_TOKEN")}
    return subprocess.run([program(), *arguments], capture_output=True, text=True, env=environment, timeout=180,
                          check=False)


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Callable[..., str]:
    """The path of a plan with these steps, that names an admin address where nobody answers."""

    def written(steps: list[Any], traffic: Any = None, **rollout: Any) -> str:
        plan = canary(9001, 9002, steps, rollout=rollout)
        plan["admin"] = {"address": f"127.0.0.1:{free_port()}"}
        plan["listeners"] = [{"address": "127.0.0.1:8080"}]
        if traffic is not None:
            plan["services"]["chat"]["traffic"] = traffic
        path = tmp_path / "weir.yaml"
        path.write_text(json.dumps(plan, indent=1))
        return str(path)

    return written


def explained(*arguments: str) -> Any:
    done = weir_says("explain", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["rollouts"][0]


def test_a_step_is_explained_by_its_slowest_gate(write: Callable[..., str]) -> None:
    first, bake = explained(write(STEPS), "--rps", "100")["steps"]
    assert first["candidate_requests_per_second"] == pytest.approx(5)
    slowest = max(first["guards"], key=lambda guard: guard["passes_s"]["p95"])
    assert first["waits_for"] == slowest["name"]
    assert first["lasts_s"] == slowest["passes_s"]
    assert bake["waits_for"] == "atLeast" and bake["lasts_s"] == {"median": 600, "p95": 600}


def test_what_the_margin_allows_for_is_never_found(write: Callable[..., str]) -> None:
    rollout = explained(write(STEPS), "--rps", "100")
    twice, tenfold, everything = rollout["steps"][0]["regressions"][:3]
    assert twice["found_s"]["median"] is None and "up to 0.21 %" in twice["never_because"]
    assert everything["found_s"]["median"] < tenfold["found_s"]["median"] < tenfold["found_s"]["p95"]
    # Half as wide a margin finds it.
    margin = {"guards": [{"metric": "errorRate", "allowedDegradation": {"absolute": "0.05%"}}]}
    assert explained(write(STEPS, analysis=margin), "--rps", "100")["steps"][0]["regressions"][0]["found_s"]["median"]


def test_whoever_looks_at_times_sees_slow_inputs(write: Callable[..., str]) -> None:
    without = {"metric": "latency", "enabled": False}
    slow_inputs = "5 % of inputs x10"

    def said(*more: Any) -> Any:
        plan = write(STEPS, analysis={"guards": [without, *more]})
        rollout = explained(plan, "--rps", "50")
        return next(found for found in rollout["steps"][0]["regressions"] if found["name"] == slow_inputs)

    assert "no guard of latencies" in said()["never_because"]
    found = said({"metric": "timeToHeaders", "quantile": 0.9, "allowedDegradation": {"relative": "10%"}})
    assert found["guard"] == "timeToHeaders p90" and found["found_s"]["median"] > 0 and not found["never_because"]


def test_more_traffic_is_faster_and_sees_less(write: Callable[..., str]) -> None:
    plan = write(STEPS)
    slow, fast = (explained(plan, "--rps", rps)["steps"][0] for rps in ("100", "1000"))
    assert fast["lasts_s"]["median"] < slow["lasts_s"]["median"]
    smallest = [step_["guards"][0]["smallest_found"]["before_at_most"] for step_ in (slow, fast)]
    assert smallest[0] > smallest[1] > 0.21
    sticky = explained(plan, "--rps", "100", "--design-effect", "3")["steps"][0]
    assert sticky["lasts_s"]["median"] > slow["lasts_s"]["median"]


def test_as_a_table(write: Callable[..., str]) -> None:
    done = weir_says("explain", write(STEPS), "--rps", "2", "--baseline-errors", "1%")
    assert done.returncode == 0
    for part in ("chat: v1 → v2", "2 requests/s (--rps)", "1 % (--baseline-errors)", "lognormal", "waits for",
                 "errors x2: 2 %", "! rollouts.chat: the step at 5% cannot conclude before its atMost of 1h"):
        assert part in done.stdout
    assert "\x1b" not in done.stdout and max(map(len, done.stdout.splitlines())) <= 100


def test_check_warns_at_the_step_where_the_plan_names_its_traffic(write: Callable[..., str]) -> None:
    path = write(STEPS, {"requestsPerSecond": 2})
    done = weir_says("check", path)
    line = 1 + next(i for i, text in enumerate(pathlib.Path(path).read_text().splitlines()) if "setWeight" in text)
    assert done.returncode == 1
    assert f"{path}:{line}:" in done.stderr and "the step at 5% cannot conclude before its atMost of 1h" in done.stderr
    assert explained(path)["traffic"]["requests_per_second_from"] == "the plan"
    assert weir_says("check", write(STEPS, {"requestsPerSecond": 2000})).returncode == 0
    assert weir_says("check", write(STEPS)).returncode == 0


def test_a_version_against_itself_is_not_to_end(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "weir.yaml"

    def write(*guards: Any) -> str:
        rollout: Any = {"baseline": "v1", "strategy": "aa", "stickiness": BY_USER}
        if guards:
            rollout["analysis"] = {"guards": guards}
        plan = one_version(9001, listeners=[{"address": "127.0.0.1:8080"}], rollouts={"chat": rollout})
        plan["services"]["chat"]["traffic"] = {"requestsPerSecond": 0.01}
        path.write_text(json.dumps(plan, indent=1))
        return str(path)

    only_measured = [{"metric": metric, "gate": False}
                     for metric in ("errorRate", "capacityRate", "clientErrorRate", "clientAbortRate", "latency")]
    for guards in ([], only_measured):
        plan = write(*guards)
        done = weir_says("check", plan)
        assert done.returncode == 0 and "nothing is wrong" in done.stdout + done.stderr, done
        assert explained(plan)["warnings"] == []
    # But a margin that no traffic ever shows to be honest is no use to anybody.
    plan = write({"metric": "errorRate", "allowedDegradation": {"absolute": "0.000001%"}})
    for command, code in (("check", 2), ("explain", 2), ("run", 1)):
        done = weir_says(command, plan)
        assert done.returncode == code and "errorRate is never honest: its margin is too small" in done.stderr, done


def test_a_gate_that_never_passes_is_refused(write: Callable[..., str]) -> None:
    margin = {"guards": [{"metric": "errorRate", "allowedDegradation": {"absolute": "0.000001%"}}]}
    path = write(STEPS, analysis=margin)
    for command, code in (("check", 2), ("explain", 2), ("run", 1)):
        done = weir_says(command, path)
        assert done.returncode == code and "never lets the step at 5% go on" in done.stderr


def test_both_commands_reckon_with_the_same_traffic(write: Callable[..., str]) -> None:
    named = {"requestsPerSecond": 500, "errors": "2%", "p50": "10ms"}
    figures = ("requests_per_second", "error_percent", "p50_ms", "requests_per_second_from", "error_percent_from",
               "latency_from", "scored_percent", "scored_after_s", "baseline_alone_s")
    given = ("--baseline-errors", "3%", "--baseline-p50", "1s", "--rps", "7")

    def of(command: str, plan: str, *arguments: str) -> list[Any]:
        done = weir_says(command, plan, *arguments, "--format", "json")
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        traffic = (document["rollouts"][0] if command == "explain" else document)["traffic"]
        return [round(traffic[name], -1) if name == "p50_ms" else traffic[name] for name in figures]

    quick = write([*step(50, hold={"atLeast": "1s", "minRequests": 1, "atMost": "1s"})], named)
    plan, from_plan = "the plan", of("simulate", quick)
    assert from_plan == of("explain", quick) == [500, 2, 10, plan, plan, plan, 20, 120, 600]
    assert of("simulate", quick, *given)[:6] == [7, 3, 1000, "--rps", "--baseline-errors", "--baseline-p50"]
    assert of("simulate", quick, *given) == of("explain", quick, *given)
    nothing_named = write([*step(50, hold={"atLeast": "1s", "minRequests": 1, "atMost": "1s"})])
    assert of("simulate", nothing_named)[:6] == [100, 0.1, 100, "assumed", "assumed", "assumed"]
    failing = weir_says("simulate", write(STEPS, {"requestsPerSecond": 5, "errors": "100%"}))
    assert failing.returncode == 2 and "100% (the plan)" in failing.stderr


def test_both_commands_say_what_they_assume(write: Callable[..., str]) -> None:
    guards = {"guards": [{"metric": "feedback", "name": "helpful", "binary": True}]}
    plan = write(STEPS, {"requestsPerSecond": 50}, analysis=guards)
    for command in ("explain", "simulate"):
        said = " ".join(weir_says(command, plan).stdout.split())
        assert "20 % of the answers have one, 2m after their end" in said and "alone" in said


def median_of_runs(plan: str, regression: str, *arguments: str) -> float:
    done = weir_says("simulate", plan, "--regress", regression, "--runs", "9", "--traffic", "even", "--format", "json",
                     *arguments)
    return json.loads(done.stdout)["summary"]["delay_median_s"]


def found(plan: str, name: str) -> float:
    regressions = explained(plan)["steps"][0]["regressions"]
    return next(one["found_s"]["median"] for one in regressions if one["name"].startswith(name))


def test_scores_are_found_as_late_as_they_are_given(write: Callable[..., str]) -> None:
    guards = {"guards": [{"metric": "feedback", "name": "relevance", "scale": {"from": 0, "to": 1},
                          "allowedDegradation": {"absolute": 0.02}}]}
    plan = write(STEPS, {"requestsPerSecond": 100}, analysis=guards)
    assert median_of_runs(plan, "relevance=5%") == pytest.approx(found(plan, "scores worse"), rel=0.3)


def tenfold(plan: str) -> Any:
    return explained(plan)["steps"][0]["regressions"][1]


def with_ceiling(max_errors: str, **more: Any) -> dict[str, Any]:
    return {"guards": [{"metric": "errorRate", "max": max_errors}], **more}


def test_a_ceiling_below_the_baseline_is_warned_of(write: Callable[..., str]) -> None:
    named = {"requestsPerSecond": 100, "errors": "0.1%"}
    steps = [*step(50, hold=HOUR), *step(100, hold={"atLeast": "10m"})]
    path = write(steps, named, analysis=with_ceiling("0.02%"))
    done = weir_says("check", path)
    line = 1 + next(i for i, text in enumerate(pathlib.Path(path).read_text().splitlines()) if "setWeight" in text)
    assert done.returncode == 1 and f"{path}:{line}:" in done.stderr
    says = "a healthy candidate is taken back in the step at 50%"
    assert says in done.stderr and "errorRate has a max of 0.02 %" in done.stderr
    told = " ".join(weir_says("explain", path).stdout.split())
    assert says in told and "(a healthy candidate passes a `max`: see below)" in told
    played = weir_says("simulate", path, "--runs", "5", "--traffic", "even", "--format", "json")
    assert json.loads(played.stdout)["summary"]["rolled_back"] == 5
    for above in ("0.1%", "1%"):
        assert weir_says("check", write(steps, named, analysis=with_ceiling(above))).returncode == 0


def test_a_ceiling_finds_what_the_margin_allows_for(write: Callable[..., str]) -> None:
    traffic = {"requestsPerSecond": 100, "errors": "1%"}
    guard = {"metric": "errorRate", "allowedDegradation": {"absolute": "15%"}}
    assert "up to 16 % is accepted" in tenfold(write(STEPS, traffic, analysis={"guards": [guard]}))["never_because"]
    plan = write(STEPS, traffic, analysis={"guards": [{**guard, "max": "5%"}]})
    assert tenfold(plan)["guard"] == "errorRate max" and tenfold(plan)["never_because"] is None
    assert median_of_runs(plan, "errors=x10") == pytest.approx(tenfold(plan)["found_s"]["median"], rel=0.3)


def test_a_ceiling_counts_where_nothing_is_compared(write: Callable[..., str]) -> None:
    whole = step(100, hold={"atLeast": "10m"})
    analysis = {"guards": [{"metric": "errorRate", "max": "1%"}], "holdback": "0%"}
    plan = write(whole, analysis=analysis)
    [only] = explained(plan, "--rps", "100")["steps"]
    everything = only["regressions"][2]
    assert not only["compared"] and everything["found_s"]["median"] < 1 and everything["guard"] == "errorRate max"
    row = next(line for line in weir_says("explain", plan, "--rps", "100").stdout.splitlines()
               if line.startswith("every request fails"))
    assert "–" not in row


def test_without_any_traffic_it_says_what_to_do(write: Callable[..., str]) -> None:
    done = weir_says("explain", write(STEPS))
    assert done.returncode == 2 and done.stdout == ""
    for part in ("no weir answers", "--rps", "requestsPerSecond", "--admin"):
        assert part in done.stderr
    assert weir_says("explain", write(STEPS), "--rps", "5", "--service", "chta").returncode == 2


def test_what_a_running_weir_has_measured_is_reckoned_with(origin: Callable[..., Origin],
                                                           weir: Callable[..., Weir]) -> None:
    gateway = weir(canary(origin("v1"), origin("v2"), at_weight(1)))

    def known() -> bool:
        versions = gateway.admin.get("traffic")["services"][0]["versions"]
        baseline = next(version for version in versions if version["name"] == "v1")
        return min(baseline["latency"]["n"], baseline["rates"]["errorRate"]["n"]) > 1500

    plan = str(gateway.file)
    with Load(gateway.port):
        wait_until(known, "the baseline is known")
        traffic = explained(plan)["traffic"]
    assert traffic["requests_per_second"] > 0
    for figure in ("requests_per_second", "error_percent", "latency"):
        assert traffic[f"{figure}_from"] == gateway.admin.url
    assert traffic["latencies_known"] > 1000 and 0 < traffic["p50_ms"] <= traffic["p99_ms"]
    # What is typed outranks it, and then nobody is asked.
    assert explained(plan, "--rps", "7", "--admin", "http://127.0.0.1:1")["traffic"]["requests_per_second"] == 7
