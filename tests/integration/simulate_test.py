"""`weir simulate`: a plan rehearsed without a running weir."""
from __future__ import annotations

import json
import pathlib

import pytest
from weir_harness import run_cli

PLAN = """
listeners: [{ address: "127.0.0.1:0" }]
services:
  chat:
    versions:
      v1: { endpoints: ["http://127.0.0.1:9001"] }
      v2: { endpoints: ["http://127.0.0.1:9002"] }
routes: [{ match: { pathPrefix: / }, service: chat }]
rollouts:
  chat:
    baseline: v1
    candidate: v2
    stickiness: { by: [{ header: x-user-id }] }
    steps:
      - setWeight: 25
      - hold: { atLeast: 1m }
      - pause: {}
      - setWeight: 50
      - hold: { atLeast: 1m }
"""


@pytest.fixture
def plan(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "weir.yaml"
    path.write_text(PLAN)
    return str(path)


def test_a_healthy_candidate_climbs_to_its_promotion(plan: str) -> None:
    done = run_cli("simulate", plan, "--rps", "50")
    assert (done.returncode, done.stderr) == (0, "")
    words = [line.split() for line in done.stdout.splitlines()]
    assert [line[3] for line in words if line[1:2] == ["25"]][0] == "start"
    assert any("promote" in line for line in words) and "promoted after" in done.stdout


def test_a_candidate_that_fails_is_rolled_back_within_seconds(plan: str) -> None:
    done = run_cli("simulate", plan, "--regress", "errors=100%", "--format", "json")
    [run] = json.loads(done.stdout)["runs"]
    assert done.returncode == 0 and run["ending"] == "rolled_back" and run["took_s"] < 5
    assert run["timeline"][-1]["decision"] == "rollback" and "errorRate" in run["timeline"][-1]["reason"]


@pytest.mark.parametrize("regression, metrics, by", [
    ("tokens=+50%", ["tokensPerRequest", "costPer1kTokens", "tokensPerSecond"], "tokensPerRequest: candidate "),
    ("tokens=+50%", ["costPerRequest", "costPer1kTokens", "tokensPerSecond"], "costPerRequest: candidate "),
    ("cost=+50%", ["tokensPerRequest", "costPerRequest", "tokensPerSecond"], "costPerRequest: candidate "),
    ("cost=x1.5", ["tokensPerRequest", "costPer1kTokens", "tokensPerSecond"], "costPer1kTokens: candidate "),
    ("latency=x1.5", ["tokensPerRequest", "costPer1kTokens", "tokensPerSecond"], "tokensPerSecond: candidate "),
])
def test_the_guard_that_is_about_it_finds_it(plan: str, regression: str, metrics: list[str], by: str) -> None:
    file = pathlib.Path(plan)
    guards = ["{ metric: latency, enabled: false }", *(f"{{ metric: {metric} }}" for metric in metrics)]
    file.write_text(PLAN.replace("    steps:\n", f"    analysis: {{ guards: [{', '.join(guards)}] }}\n    steps:\n"))
    done = run_cli("simulate", plan, "--regress", regression, "--format", "json")
    [run] = json.loads(done.stdout)["runs"]
    last = run["timeline"][-1]
    assert last["decision"] == "rollback" and last["reason"].startswith(by), run["timeline"]


_NO_LATENCY = "{ metric: latency, quantile: 0.99, enabled: false }"


@pytest.mark.parametrize("regression, unseen, by", [
    ("tokens=+15%", ["tokens"], "{ metric: costPer1kTokens }"),
    ("cost=+20%", ["cost"], "{ metric: tokensPerRequest }"),
    ("relevance=5%", ["relevance"], "{ metric: feedback, name: lies, binary: true }"),
    ("hallucinations=x2", ["hallucinations"], "{ metric: feedback, name: worth }"),
    ("tokens=+15%", [], "{ metric: costPerRequest }"),
    ("errors=50%", [], "{ metric: tokensPerRequest }"),
    ("errors=50%", ["errors"], "{ metric: errorRate, enabled: false }"),
    ("capacity=50%", ["capacity"], "{ metric: capacityRate, enabled: false }"),
    ("clientErrors=50%", ["clientErrors"], "{ metric: clientErrorRate, enabled: false }"),
    ("clientAborts=50%", ["clientAborts"], "{ metric: clientAbortRate, enabled: false }"),
    ("latency=x3", ["latency"], _NO_LATENCY),
    ("slowInputs=20%", ["slowInputs"], _NO_LATENCY),
    ("latency=x3", [], _NO_LATENCY + ", { metric: latency, quantile: 0.5 }"),
    ("p99=x3", ["p99"], _NO_LATENCY + ", { metric: latency, quantile: 0.9 }"),
    ("p99=x3", [], "{ metric: clientErrorRate, enabled: false }"),
])
def test_what_nothing_looks_at_is_said(plan: str, regression: str, unseen: list[str], by: str) -> None:
    file = pathlib.Path(plan)
    file.write_text(PLAN.replace("    steps:\n", f"    analysis: {{ guards: [{by}] }}\n    steps:\n"))
    done = run_cli("simulate", plan, "--regress", regression, "--format", "json")
    assert json.loads(done.stdout)["unseen"] == unseen, done.stderr
    said = run_cli("simulate", plan, "--regress", regression).stdout
    for name in unseen:
        assert f"\nnot looked at: {name}, by no guard of the plan and no budget: nothing will find it\n" in said
    assert unseen or "not looked at" not in said


@pytest.mark.parametrize("policy, unseen", [
    ("analysis: off", ["errors", "latency"]),
    ("analysis: off\n    maxExposure: { failedRequests: 50 }", ["latency"]),
])
def test_a_plan_that_judges_nothing_sees_what_its_budgets_see(plan: str, policy: str, unseen: list[str]) -> None:
    pathlib.Path(plan).write_text(PLAN.replace("    steps:\n", f"    {policy}\n    steps:\n"))
    done = run_cli("simulate", plan, "--regress", "errors=5%", "--regress", "latency=x3", "--format", "json")
    assert json.loads(done.stdout)["unseen"] == unseen, done.stderr


def test_dearer_answers_spend_a_budget_of_cost(plan: str) -> None:
    file = pathlib.Path(plan)
    file.write_text(PLAN.replace("    steps:\n", "    maxExposure: { extraCost: 0.5 }\n    steps:\n"))
    done = run_cli("simulate", plan, "--regress", "cost=x2", "--format", "json")
    [run] = json.loads(done.stdout)["runs"]
    assert run["timeline"][-1]["rule"] == "budget" and "extraCost" in run["timeline"][-1]["reason"], run["timeline"]


def test_equal_seeds_give_equal_runs(plan: str) -> None:
    runs = [run_cli("simulate", plan, "--rps", "20", "--seed", seed, "--regress", "errors=20%", "--format", "json").stdout
            for seed in ("7", "7", "8")]
    assert runs[0] == runs[1] != runs[2]


def test_many_runs_are_summed_up(plan: str) -> None:
    wrong = ("--regress", "errors=20%", "--after", "10s", "--runs", "5")
    done = run_cli("simulate", plan, *wrong, "--format", "json")
    report = json.loads(done.stdout)
    assert len(report["runs"]) == 5 and report["summary"]["rolled_back"] == 5
    assert 0 < report["summary"]["delay_median_s"] <= report["summary"]["delay_p95_s"]
    text = run_cli("simulate", plan, *wrong)
    assert "rolled back  5 of 5 (100 %)" in text.stdout and "in the median" in text.stdout
    assert text.stderr == "", "progress is for terminals"


def test_a_budget_is_no_false_rollback(plan: str) -> None:
    file = pathlib.Path(plan)
    file.write_text(PLAN.replace("    steps:\n", "    maxExposure: { failedRequests: 1 }\n    steps:\n"))
    done = run_cli("simulate", plan, "--runs", "3", "--format", "json")
    report = json.loads(done.stdout)
    assert [run["timeline"][-1]["rule"] for run in report["runs"]] == ["budget"] * 3
    summary = report["summary"]
    assert (summary["rolled_back"], summary["rolled_back_by_budget"], summary["falsely_rolled_back"]) == (3, 3, 0)
    assert "3 of 3 (100 %) by maxExposure, which stands outside" in run_cli("simulate", plan, "--runs", "3").stdout


@pytest.mark.parametrize("arguments, says", [
    (["--regress", "eror=1%"], "did you mean `errors`?"),
    (["--regress", "errors=2"], "expected errors=1%"),
    (["--regress", "errors=60%", "--regress", "capacity=60%"], "errors and capacity come to 120 %"),
    (["--regress", "errors=x4", "--baseline-errors", "0%"], "there is no multiple"),
    (["--rps", "0"], "--rps"),
    (["--baseline-errors", "1"], "--baseline-errors"),
    (["--after", "1h"], "there is none"),
    (["--regress", "p99=x2", "--after", "soon"], "is no duration"),
    (["chta"], 'no rollout of "chta"; it has chat'),
    (["--traffic", "calm"], "--traffic"),
])
def test_a_wrong_argument_says_what_was_expected(plan: str, arguments: list[str], says: str) -> None:
    done = run_cli("simulate", plan, *arguments)
    assert done.returncode == 2 and says in done.stderr and done.stdout == ""


def test_a_plan_with_errors_is_not_simulated(tmp_path: pathlib.Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("service: {}\n")
    done = run_cli("simulate", str(bad))
    assert done.returncode == 2 and f"{bad}:1:1: error:" in done.stderr
    none = tmp_path / "none.yaml"
    none.write_text(PLAN[:PLAN.index("rollouts:")].replace(
        "      v2: { endpoints: [\"http://127.0.0.1:9002\"] }\n", ""))
    done = run_cli("simulate", str(none))
    assert done.returncode == 2 and "no rollout" in done.stderr
