"""The load bench plays a round to its end and writes what it saw. What it measures is nobody's test."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_a_round_is_measured(tmp_path: pathlib.Path) -> None:
    out = tmp_path / "results.json"
    subprocess.run(["/usr/bin/python3", "-B", ROOT / "bench/load/side_by_side.py", "--build", os.environ["WEIR_BUILD"],
                    "--proxies", "weir,nginx", "--rounds", "1", "--seconds", "1", "--out", out], check=True, timeout=120)
    results = json.loads(out.read_text())
    for proxy in ("weir", "nginx"):
        (measured,) = results["rounds"][proxy]
        assert all(measured[measure] > 0 for measure in results["median"][proxy]), measured
    # On a busy machine no round may count.
    if "cpu_ratio_to_nginx" in results:
        assert results["cpu_ratio_to_nginx"] == round(results["rounds"]["weir"][0]["cpu_us_per_request"]
                                                      / results["rounds"]["nginx"][0]["cpu_us_per_request"], 4)
