"""The load bench plays a round to its end and writes what it saw. What it measures is nobody's test."""
import json
import os
import pathlib
import runpy
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_a_round_is_measured(tmp_path: pathlib.Path) -> None:
    out = tmp_path / "results.json"
    subprocess.run(["/usr/bin/python3", "-B", ROOT / "bench/load/side_by_side.py", "--build", os.environ["WEIR_BUILD"],
                    "--proxies", "weir,nginx", "--cases", "plain,tls,1m,many,routes", "--rounds", "1", "--seconds", "1",
                    "--out", out], check=True, timeout=200)
    for case, results in json.loads(out.read_text())["cases"].items():
        for proxy in ("weir", "nginx"):
            (measured,) = results["rounds"][proxy]
            assert all(measured[measure] > 0 for measure in results["median"][proxy]), (case, measured)
    assert "| routes | weir |" in out.with_suffix(".md").read_text()


def test_a_round_counts_if_both_were_at_their_limit() -> None:
    ratios_to = runpy.run_path(str(ROOT / "bench/load/side_by_side.py"))["ratios_to"]
    rounds = {"weir": [(9, 0.99), (4, 0.97), (1, 0.96), (1, 1.0)], "nginx": [(10, 0.98), (8, 1.0), (1, 1.0), (1, 0.5)]}
    assert ratios_to("nginx", {name: [{"cpu_us_per_request": cpu, "busy": busy} for cpu, busy in taken]
                               for name, taken in rounds.items()}) == [0.5, 0.9]
    assert ratios_to("haproxy", {"weir": []}) == []
