"""The simulations of decisions can be run, stopped and gone on with. What they find is in bench/results, and nobody's test."""
import json
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(folder: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["/usr/bin/python3", "-B", ROOT / "bench/decisions/decisions.py", "--build", os.environ["WEIR_BUILD"],
                           "--out", folder, *arguments], check=False, timeout=200, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)


CELL = "advance_100rps_25_to_50"


def test_a_cell_goes_on_where_it_was(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "decisions"
    file = folder / f"{CELL}.json"
    first = run(folder, "--cells", CELL, "--runs", "1")
    assert first.returncode == 0 and "in full:" in first.stdout, first.stderr
    cell = json.loads(file.read_text())
    assert len(cell["runs"]) == 1 and cell["runs"][0]["all"] > 0
    run(folder, "--cells", CELL, "--runs", "2")
    more = json.loads(file.read_text())
    assert len(more["runs"]) == 2 and more["runs"][0] == cell["runs"][0] and more["runs"][1] != cell["runs"][0]
    before = file.stat().st_mtime_ns
    run(folder, "--cells", CELL, "--runs", "2")
    assert file.stat().st_mtime_ns == before
    page = (tmp_path / "decisions.md").read_text()
    assert CELL in page
    # And it says by which commit.
    (commit, count), = more["made_by"].items()
    assert count == 2 and f"changed what decides: 2 of {commit}.\n" in page


def test_the_page_names_the_commits(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "decisions"
    folder.mkdir()
    went = {"weir": None, "alarm": "", "argo95": None, "argo99": None, "flagger": None, "kayenta": None, "naive": None,
            "fixed": None}
    for name, made_by in ("drift_w5", {"1234abc": 2, "5678def": 1}), ("ramp_drift", {"1234abc": 3}), ("few_users_w5", {}):
        (folder / f"{name}.json").write_text(json.dumps({"cpu_s": 1, "made_by": made_by, "runs": [went] * 3}))
    assert run(folder, "--report").returncode == 0
    assert "changed what decides: 5 of 1234abc, 3 of unknown, 1 of 5678def.\n" in (tmp_path / "decisions.md").read_text()


def test_more_false_rollbacks_than_promised_fail(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "decisions"
    folder.mkdir()
    bad = {"weir": 1, "candidate_requests": 1, "because": "errorRate", "alarm": "", "argo95": None, "argo99": None,
           "flagger": None, "kayenta": None, "naive": None, "fixed": None}
    (folder / "drift_w5.json").write_text(json.dumps({"cpu_s": 1, "runs": [bad] * 18 + [bad | {"weir": None}] * 982}))
    assert run(folder, "--report").returncode == 1
    (folder / "drift_w5.json").write_text(json.dumps({"cpu_s": 1, "runs": [bad] * 17 + [bad | {"weir": None}] * 983}))
    assert run(folder, "--report").returncode == 0
    assert "| drift_w5 | 1000 | **1.70 %** (17) |" in (tmp_path / "decisions.md").read_text()
    assert (tmp_path / "decisions_false_rollback.svg").read_text().startswith("<svg")


def test_a_forecast_that_the_simulation_does_not_bear_out_fails(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "decisions"
    folder.mkdir()

    def simulated(runs: int, median_s: float) -> subprocess.CompletedProcess:
        found = {"weir": median_s, "candidate_requests": 1, "argo95": None, "argo99": None, "flagger": None, "kayenta": None,
                 "naive": None, "fixed": None}
        (folder / "error_0.1pc_1pc_w5.json").write_text(json.dumps({"cpu_s": 1, "runs": [found] * runs}))
        return run(folder, "--report")

    told = re.search(r"^error_0.1%_1%_w5: .* explain said ([0-9.]+) s$", simulated(1, 1).stdout, re.MULTILINE)
    assert told
    said = float(told[1])
    assert simulated(200, said / 1.15).returncode == 0 and simulated(200, said / 0.85).returncode == 0
    assert simulated(200, said / 1.25).returncode == 1 and simulated(200, said / 0.75).returncode == 1
    assert simulated(199, said / 0.75).returncode == 0  # too few to tell


def test_a_cell_that_is_not_there_is_said(tmp_path: pathlib.Path) -> None:
    done = run(tmp_path / "decisions", "--cells", "nothing")
    assert done.returncode == 2 and "sticky_w5_p1%" in done.stderr
