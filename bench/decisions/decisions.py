"""Runs the simulations of decisions, cell after cell, and writes what came of them: tables and plots.

Each cell has a file in the folder; replications that are there are not run again, so that it can be stopped at any time
and goes on where it was. Each says how many runs are of which commit: after a change of the analyzer that
moves numbers the folder is old, and has to be removed. The numbers depend on seeds alone, not on the machine.
"""
from __future__ import annotations

import argparse
import collections
import concurrent.futures
import json
import math
import os
import pathlib
import re
import subprocess
import sys

import plots

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIRST_SEED = 1_000_000
CHUNK = 10
RULES = ["argo95", "argo99", "flagger", "kayenta", "naive", "fixed"]
# The promise of 1 % for a day of rollout: with it, more of 1,000 runs than this are seen less than once in fifty times.
MUST_SHOW = ["sticky_w5_p1%", "drift_w5", "ramp_drift", "storms_w5_p0.1%"]
MOST_OF_1000 = 17
# STATISTICS.md 4.12's cases: what `weir explain` says of their median is within a fifth of what the simulation shows.
EXPLAINED = [f"{name}_w5" for name in ("error_0.1%_1%", "error_0.1%_5%", "error_1%_2%", "latency_+10%", "5%_inputs_x10",
                                       "halluc_2%_4%", "relevance_.80_.75", "tokens_+15%")]
MOST_APART = 0.2


def file_of(folder: pathlib.Path, name: str) -> pathlib.Path:
    return folder / (re.sub(r"[^\w.+-]", "_", name.replace("%", "pc")) + ".json")


def read_cell(path: pathlib.Path) -> dict:
    if not path.exists():
        return {"cpu_s": 0.0, "runs": []}
    return json.loads(path.read_text())


def run_chunk(program: pathlib.Path, cell: str, first: int, runs: int) -> dict:
    done = subprocess.run([program, cell, str(FIRST_SEED + first), str(runs)], check=True, stdout=subprocess.PIPE,
                          text=True)
    return json.loads(done.stdout)


def code() -> str:
    """The last commit that changed what decides or what is decided about."""
    return subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%h", "--", "analysis", "bench/decisions"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.strip()


def fill_cell(program: pathlib.Path, folder: pathlib.Path, cell: dict, runs: int) -> str:
    path = file_of(folder, cell["name"])
    have = read_cell(path)
    while len(have["runs"]) < runs:
        chunk = run_chunk(program, cell["name"], len(have["runs"]), min(CHUNK, runs - len(have["runs"])))
        made_by = have.get("made_by", {})
        made_by[code()] = made_by.get(code(), 0) + len(chunk["runs"])
        have = {"name": cell["name"], "family": cell["family"], "first_seed": FIRST_SEED, "made_by": made_by,
                "cpu_s": round(have["cpu_s"] + chunk["cpu_s"], 2), "runs": have["runs"] + chunk["runs"]}
        whole = path.with_suffix(".new")
        whole.write_text(json.dumps(have, separators=(",", ":")) + "\n")
        os.replace(whole, path)
    return cell["name"]


def quantile(values: list[float | None], share: float) -> float | None:
    """Of all runs; those in which it did not happen come last."""
    ordered = sorted(math.inf if value is None else value for value in values)
    at = ordered[max(0, math.ceil(share * len(ordered)) - 1)]
    return None if math.isinf(at) else at


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if part else "0 %"


def seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def times(runs: list[dict], name: str) -> str:
    return f"{seconds(quantile([run[name] for run in runs], 0.5))} / {seconds(quantile([run[name] for run in runs], 0.95))}"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def false_rollbacks(cells: list[dict]) -> list[str]:
    rows = []
    for cell in cells:
        runs = cell["runs"]
        counts = [sum(run[name] is not None for run in runs) for name in ["weir"] + RULES]
        alarms = sum(bool(run["alarm"]) for run in runs)
        rows.append([cell["name"], str(len(runs)), f"**{percent(counts[0], len(runs))}** ({counts[0]})"] +
                    [percent(count, len(runs)) for count in counts[1:]] + [percent(alarms, len(runs))])
    return ["## Candidates that are no worse: rolled back all the same", "",
            "Nothing is allowed for (the truth lies on the boundary), 1 % is promised, three hours, watched every second. Errors and "
            "three latencies are judged; with `_all_seven` scores and tokens too. In `few_users_w5` fifty of 1,000 users meet the "
            "candidate, and some of them send most of what is seen: a design effect of about a hundred is itself an estimate, so there "
            "1 % is a target.", "",
            *table(["scenario", "runs", "Weir", "Argo 95 %", "Argo 99 %", "Flagger", "Kayenta", "z, every second", "z, once",
                    "Weir paused"], rows)]


def detections(cells: list[dict]) -> list[str]:
    rows = []
    for cell in cells:
        runs = cell["runs"]
        found = [run for run in runs if run["weir"] is not None]
        requests = quantile([run["candidate_requests"] for run in found], 0.5) if found else None
        rows.append([cell["name"], str(len(runs)),
                     f"**{times(runs, 'weir')}** ({'-' if requests is None else requests})",
                     f"{seconds(cell['explained']['p50'])} / {seconds(cell['explained']['p95'])}"] +
                    [times(runs, name) for name in RULES])
    return ["## Candidates that are worse: seconds until the rollback", "",
            "Median / 95 % of all runs (candidate requests in the median of those found); - : not within three hours. 100 requests "
            "a second, the default margins. A rule that also fires at healthy candidates (above) is quick for nothing.", "",
            *table(["regression, weight", "runs", "Weir", "explain said", "Argo 95 %", "Argo 99 %", "Flagger", "Kayenta", "z, every second",
                    "z, once at 1 h"], rows)]


def simpsons(cells: list[dict]) -> list[str]:
    rows = []
    for cell in cells:
        runs = cell["runs"]
        back = sum(run["weir"] is not None for run in runs)
        ratio = quantile([run["pooled_ratio"] for run in runs], 0.5)
        accused = sum(run["pooled_z"] > 2.326 for run in runs)
        rows.append([cell["name"], str(len(runs)), f"{ratio:.2f}", percent(accused, len(runs)),
                     f"**{percent(back, len(runs))}** ({seconds(quantile([run['weir'] for run in runs], 0.5))})"])
    return ["## A ramp while everybody's error rate moves tenfold", "",
            "1, 5, 25, 50 %, 45 minutes each; the pooled rates compare all the candidate's requests with all the baseline's.", "",
            *table(["truth", "runs", "pooled ratio", "pooled z says worse", "Weir rolls back (median s)"], rows)]


def advances(cells: list[dict]) -> list[str]:
    names = ["error", "p50", "p90", "p99", "halluc", "relevance", "tokens", "error_1%", "error_5%", "all"]
    rows = [[cell["name"], str(len(cell["runs"]))] + [times(cell["runs"], name) for name in names] for cell in cells]
    return ["## Healthy candidates: seconds until each gate passes", "",
            "Median / 95 %, within six hours. Seven guards together, a fifth of the answers scored two minutes later, `all`: until all of "
            "their gates have passed at once; `error_1%` and `error_5%` judge errors alone, of which there are more.", "",
            *table(["requests a second, step", "runs"] + names, rows)]


def false_advances(cells: list[dict]) -> list[str]:
    rows = [[cell["name"], str(len(cell["runs"])),
             percent(sum(run["passed"] is not None for run in cell["runs"]), len(cell["runs"]))] for cell in cells]
    return ["## Candidates just as bad as a step no longer allows: let pass within six hours", "",
            "5 % is promised; one guard each, 20 requests a second.", "",
            *table(["gate and step", "runs", "passed"], rows)]


def commits(cells: list[dict]) -> str:
    """How many runs are of which commit; "unknown" are those that do not say."""
    runs: collections.Counter[str] = collections.Counter()
    for cell in cells:
        made_by = cell["made_by"]
        runs.update(made_by)
        runs["unknown"] += len(cell["runs"]) - sum(made_by.values())
    return ", ".join(f"{count:,} of {commit}" for commit, count in runs.most_common() if count > 0)


def report(folder: pathlib.Path, listed: list[dict]) -> bool:
    """Writes the page and the plots; says whether the runs that must show something show it."""
    read = [(cell, read_cell(file_of(folder, cell["name"]))) for cell in listed]
    done = [{**cell, "runs": have["runs"], "made_by": have.get("made_by", {})} for cell, have in read if have["runs"]]
    page = ["# Decisions about simulated rollouts", "",
            "Written by `scripts/bench decisions`, by the analyzer that decides in the program. Seeds from "
            f"{FIRST_SEED:,} on; the numbers are the same on every machine. How many runs each row has is beside it. "
            f"Runs by the last commit that changed what decides: {commits(done)}.", ""]
    for family, section in [("false_rollback", false_rollbacks), ("detection", detections), ("simpson", simpsons),
                            ("advance", advances), ("false_advance", false_advances)]:
        cells = [cell for cell in done if cell["family"] == family]
        if cells:
            page += section(cells)
    by_name = {cell["name"]: cell for cell in done}
    kept = True
    for name in MUST_SHOW:
        runs = by_name.get(name, {"runs": []})["runs"]
        false = sum(run["weir"] is not None for run in runs[:1000])
        kept = kept and false <= MOST_OF_1000
        print(f"{name}: {false} false rollbacks in {min(len(runs), 1000)} runs; at most {MOST_OF_1000} in 1,000")
    for name in EXPLAINED:
        runs = by_name.get(name, {"runs": []})["runs"]
        median = quantile([run["weir"] for run in runs], 0.5) if runs else None
        cell = next(cell for cell in listed if cell["name"] == name)
        said = cell["explained"]["p50"]
        apart = math.inf if median is None else abs(said / median - 1)
        if len(runs) >= cell["runs"]:  # the median of a few runs is itself a fifth off
            kept = kept and apart <= MOST_APART
        print(f"{name}: found after {seconds(median)} s in half of {len(runs)} runs, explain said {seconds(said)} s")
    (folder.parent / "decisions.md").write_text("\n".join(page))
    plots.write(folder.parent, done)
    return kept


def say_cost(folder: pathlib.Path, cells: list[dict], jobs: int) -> None:
    whole = left = 0.0
    for cell in cells:
        have = read_cell(file_of(folder, cell["name"]))
        if have["runs"]:
            each = have["cpu_s"] / len(have["runs"])
            whole += each * cell["runs"]
            left += each * max(0, cell["runs"] - len(have["runs"]))
    print(f"in full: {whole / 3600:.1f} h of CPU time, {whole / jobs / 3600:.1f} h with {jobs} at a time; "
          f"left: {left / jobs / 3600:.1f} h")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench decisions", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results/decisions", help="the folder of the cells")
    parser.add_argument("--cells", default="", help="only those whose names match this regular expression")
    parser.add_argument("--runs", type=int, help="of each cell, instead of what it has in full")
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time")
    parser.add_argument("--report", action="store_true", help="run nothing; write the page and the plots of what is there")
    arguments = parser.parse_args()
    program = arguments.build / "bench/decisions"
    listed = json.loads(subprocess.run([program, "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout)
    wanted = [cell for cell in listed if re.search(arguments.cells, cell["name"])]
    if not wanted:
        print(f"no cell matches {arguments.cells!r}; there are: {' '.join(cell['name'] for cell in listed)}", file=sys.stderr)
        return 2
    arguments.out.mkdir(parents=True, exist_ok=True)
    if not arguments.report:
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            filling = [pool.submit(fill_cell, program, arguments.out, cell, arguments.runs or cell["runs"]) for cell in wanted]
            for number, done in enumerate(concurrent.futures.as_completed(filling), 1):
                print(f"{number} of {len(wanted)}: {done.result()}", flush=True)
    kept = report(arguments.out, listed)
    say_cost(arguments.out, listed, arguments.jobs)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
