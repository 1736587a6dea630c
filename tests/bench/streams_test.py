"""The stream bench plays a round to its end and writes what it saw. What it measures is nobody's test."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_a_round_is_measured(tmp_path: pathlib.Path) -> None:
    out = tmp_path / "results.json"
    subprocess.run(["/usr/bin/python3", "-B", ROOT / "bench/load/streams.py", "--build", os.environ["WEIR_BUILD"],
                    "--proxies", "weir|weir, inspecting|nginx", "--rounds", "1", "--seconds", "1", "--streams", "20",
                    "--events", "20", "--out", out], check=True, timeout=200)
    results = json.loads(out.read_text())
    for proxy in ("weir", "weir, inspecting", "nginx"):
        (measured,) = results["rounds"][proxy]
        assert all(value > 0 for value in measured.values()), (proxy, measured)
    assert set(results["ratios"]) == {"weir, inspecting / weir", "weir / nginx", "weir, inspecting / nginx"}
    assert "| weir, inspecting |" in out.with_suffix(".md").read_text()
