"""What a weir writes down: a line for each request, and its own events on standard error."""
from __future__ import annotations

import json
import pathlib
import re
import signal
import subprocess
from typing import Any, Callable, Iterator

import pytest
from http_client import Connection, Truncated, get, request_bytes
from load import Load
from origin import Origin
from plans import Plan, at_weight, canary, one_version, route, version
from polling import wait_until
from weir_harness import Weir, program

StartOrigin = Callable[..., Origin]

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class Logged:
    """A weir with arguments of its own, its standard output and error in files."""

    def __init__(self, weir: Weir, *arguments: str):
        self.weir = weir
        self.stdout = weir.directory / "stdout.log"
        with self.stdout.open("wb") as out, weir.stderr.open("wb") as errors:
            self.process = subprocess.Popen([program(), "run", str(weir.file), *arguments], stdout=out, stderr=errors,
                                            cwd=weir.directory)
        wait_until(self._ready, "the weir is ready")

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.weir.log()
        return self.weir.admin.ready()

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.weir.log()


@pytest.fixture
def logged(new_weir: Callable[..., Weir]) -> Iterator[Callable[..., Logged]]:
    started: list[Logged] = []

    def start(plan: Plan, *arguments: str) -> Logged:
        started.append(Logged(new_weir(plan), *arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        one.weir.check_log()


def lines(path: pathlib.Path) -> list[Any]:
    """Whole lines, each a JSON object."""
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def wait_lines(path: pathlib.Path, count: int) -> list[Any]:
    wait_until(lambda: path.exists() and len(lines(path)) >= count, f"{count} lines in {path.name}")
    return lines(path)


def test_one_line_a_request(origin: StartOrigin, logged: Callable[..., Logged], tmp_path: pathlib.Path) -> None:
    server = origin("v1")
    path = tmp_path / "access.log"
    plan = one_version(server)
    plan["routes"] = [route(prefix="/hang/short", timeouts={"responseHeader": "100ms"}), route(name="everything")]
    gateway = logged(plan, "--access-log", str(path))
    port = gateway.weir.port

    def one(count: int) -> Any:
        return wait_lines(path, count)[count - 1]

    get(port, "/bytes/1000")
    line = one(1)
    assert TIME.match(line.pop("time")) and line.pop("latency_ms") > 0 and line.pop("bytes_out") >= 1000
    assert line == {"service": "chat", "route": "everything", "version": "v1", "class": "ok", "assigned": "only",
                    "status": "2xx", "attempts": 1}
    for count, target in enumerate(("/status/404", "/status/500", "/status/429", "/hang/short"), start=2):
        get(port, target)
        one(count)
    with Connection(port) as client:
        client.send(request_bytes("GET", "/hang"))
        wait_until(lambda: server.counts().waiting == 1, "the request is at the origin")
        client.reset()  # an orderly end would say that it still reads
    one(6)
    with Connection(port) as client:
        client.send(request_bytes("GET", "/cut/length"))
        with pytest.raises((Truncated, ConnectionResetError)):
            client.reply()
    written = wait_lines(path, 7)
    assert [(line["class"], line.get("status")) for line in written[1:]] == [
        ("http_4xx", "4xx"), ("http_5xx", "5xx"), ("capacity", "4xx"), ("timeout", "5xx"), ("client_abort", None),
        ("truncated", "2xx")]
    assert [line["route"] for line in written[1:]] == ["everything"] * 3 + ["route-1"] + ["everything"] * 2
    # What the weir refuses before a version is assigned belongs to no version, and is no line.
    with Connection(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert client.reply().status == 400
    get(port, "/last")
    gateway.end()
    assert len(lines(path)) == 8


def test_a_line_says_which_version_and_why(origin: StartOrigin, logged: Callable[..., Logged],
                                           tmp_path: pathlib.Path) -> None:
    path = tmp_path / "access.log"
    rule = {"match": {"header": {"name": "x-version", "exact": "v2"}}, "version": "v2", "from": ["127.0.0.0/8"]}
    stickiness = {"by": [{"header": "x-user-id"}, {"cookie": "weir"}]}
    gateway = logged(canary(origin("v1"), origin("v2"), at_weight(50),
                            rollout={"overrides": [rule], "stickiness": stickiness}), "--access-log", str(path))
    wait_until(lambda: gateway.weir.admin.rollout()["step_id"] > 0, "the rollout has begun")
    step = gateway.weir.admin.rollout()["step_id"]
    for count, (fields, assigned) in enumerate((({"x-user-id": "one"}, "hash"), ({}, "new_cookie"),
                                                ({"x-version": "v2", "x-user-id": "one"}, "override")), start=1):
        served = get(gateway.weir.port, "/", fields)["x-weir-version"]
        line = wait_lines(path, count)[-1]
        assert (line["version"], line["assigned"]) == (served, assigned)
        assert line["step"] == step
    gateway.end()


def test_every_request_of_a_load_has_its_line(origin: StartOrigin, logged: Callable[..., Logged],
                                              tmp_path: pathlib.Path) -> None:
    path = tmp_path / "access.log"
    path.write_text('{"a line": "of before"}\n')
    gateway = logged(one_version(origin("v1")), "--access-log", str(path))
    with Load(gateway.weir.port, rate=400) as load:
        wait_until(lambda: load.tally().answered >= 600, "traffic flows")
        tally = load.stop()
    gateway.end()
    written = lines(path)
    # Appended to what was there, and whole at the end.
    assert written[0] == {"a line": "of before"}
    assert len(written) - 1 == tally.answered and path.read_text().endswith("}\n")


def test_to_standard_output(origin: StartOrigin, logged: Callable[..., Logged]) -> None:
    gateway = logged(one_version(origin("v1")), "--access-log", "-")
    get(gateway.weir.port, "/")
    get(gateway.weir.port, "/")
    gateway.end()
    assert [line["class"] for line in lines(gateway.stdout)] == ["ok", "ok"]
    # The weir's own events are on standard error, and nowhere else.
    assert {line["event"] for line in lines(gateway.weir.stderr)} >= {"listening", "serving", "ended"}


def test_without_it_nothing_is_said_of_requests(origin: StartOrigin, logged: Callable[..., Logged]) -> None:
    gateway = logged(one_version(origin("v1")))
    before = len(lines(gateway.weir.stderr))
    get(gateway.weir.port, "/a-path-of-this-test")
    assert len(lines(gateway.weir.stderr)) == before
    gateway.end()
    assert gateway.stdout.read_bytes() == b"" and "a-path-of-this-test" not in gateway.weir.log()


def test_a_log_that_cannot_be_written_is_no_start(origin: StartOrigin, new_weir: Callable[..., Weir],
                                                  tmp_path: pathlib.Path) -> None:
    weir = new_weir(one_version(origin("v1")))
    done = subprocess.run([program(), "run", str(weir.file), "--access-log", str(tmp_path)],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and f"cannot write the access log {tmp_path}" in done.stderr


def test_events_in_json(origin: StartOrigin, logged: Callable[..., Logged]) -> None:
    gateway = logged(one_version(origin("v1")), "--log-format", "json")
    gateway.weir.cli("reload")
    gateway.end()
    events = lines(gateway.weir.stderr)
    assert len(events) == len(gateway.weir.log().splitlines())
    for event in events:
        assert TIME.match(event["time"]) and event["level"] in ("info", "warn", "error") and event["event"]
    by_name = {event["event"]: event for event in events}
    assert by_name["listening"]["address"] == f"127.0.0.1:{gateway.weir.port}" and by_name["listening"]["workers"] == 2
    assert by_name["serving"]["plan"] == str(gateway.weir.file)
    assert by_name["decision"]["decision"] == "drain" and by_name["ended"]["requests_cut"] == 0


def test_events_in_words(origin: StartOrigin, logged: Callable[..., Logged]) -> None:
    gateway = logged(one_version(origin("v1")), "--log-format", "text")
    gateway.end()
    log = gateway.weir.log()
    assert f"listening address=127.0.0.1:{gateway.weir.port} workers=2" in log
    assert "{" not in log and "\x1b" not in log


def test_the_level_says_how_much(origin: StartOrigin, logged: Callable[..., Logged]) -> None:
    server = origin("v1")

    def levels(level: str) -> list[str]:
        gateway = logged(one_version(server), "--log-level", level)
        text = gateway.weir.file.read_text()
        gateway.weir.file.write_text("nonsense: true\n")
        gateway.weir.cli("reload", check=False)
        gateway.weir.file.write_text(text)
        gateway.end()
        return sorted({line["level"] for line in lines(gateway.weir.stderr)})

    assert "info" in levels("info") and "error" in levels("info")
    assert "info" not in levels("warn") and "error" in levels("warn")
    assert levels("error") == ["error"]
    assert levels("off") == []
