"""The subcommands, most of them without a running weir."""
from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Callable

import jsonschema
import yaml
from origin import Origin
from plans import one_version
from weir_harness import Weir, program, run_cli


def test_version_names_program_and_compiler() -> None:
    done = run_cli("version")
    assert done.returncode == 0 and done.stdout.startswith("weir ")


def test_the_default_plan_is_clean(tmp_path: pathlib.Path) -> None:
    plan = tmp_path / "weir.yaml"
    plan.write_text(run_cli("init").stdout)
    done = run_cli("check", str(plan))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_schema_is_a_draft_07_schema_that_takes_the_default_plan() -> None:
    schema = json.loads(run_cli("schema").stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(yaml.safe_load(run_cli("init").stdout))


def test_check_lists_every_error_with_its_place(tmp_path: pathlib.Path) -> None:
    plan = tmp_path / "bad.yaml"
    plan.write_text("listeners: []\nservice: {}\nworkers: many\n")
    done = run_cli("check", str(plan))
    assert done.returncode == 2
    assert f"{plan}:2:1: error:" in done.stderr and "services" in done.stderr
    assert f"{plan}:3:10: error:" in done.stderr


def test_check_in_json_has_the_same(tmp_path: pathlib.Path) -> None:
    plan = tmp_path / "bad.yaml"
    plan.write_text("service: {}\n")
    done = run_cli("check", str(plan), "--format", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 2 and not report["ok"]
    assert any(problem["line"] == 1 and problem["nearest"] == "services" for problem in report["problems"])


def test_check_of_a_file_that_is_not_there_says_so(tmp_path: pathlib.Path) -> None:
    done = run_cli("check", str(tmp_path / "none.yaml"))
    assert done.returncode == 2 and "No such file" in done.stderr


def test_a_command_without_a_weir_exits_3() -> None:
    done = run_cli("status", "--admin", "http://127.0.0.1:1")
    assert done.returncode == 3 and "no weir answers" in done.stderr


def test_another_program_is_not_taken_for_a_weir(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    """As when --admin names the port that serves users: no command has been obeyed."""
    served = weir(one_version(origin()))
    for command, code in (("status",), 3), (("abort", "chat"), 3), (("weight", "chat", "5"), 3), (("health",), 1):
        done = run_cli(*command, "--admin", f"http://127.0.0.1:{served.port}")
        assert done.returncode == code and "another program" in done.stderr


def test_what_cannot_be_written_is_said() -> None:
    for command in ("init", "schema", "version"):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([program(), command], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 1 and "standard output" in done.stderr


def test_a_wrong_command_line_exits_2() -> None:
    assert run_cli("promote").returncode == 2
    assert run_cli("run").returncode == 2


def test_help_teaches() -> None:
    done = run_cli("--help")
    assert done.returncode == 0 and "weir run --baseline" in done.stdout and "Exit codes" in done.stdout
