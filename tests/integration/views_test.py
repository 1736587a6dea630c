"""What people see: status, watch and history, on a terminal and without one."""
from __future__ import annotations

import fcntl
import http.server
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
from typing import Any, Callable, Iterator

import pytest
from load import Load
from origin import Origin
from plans import at_weight, canary, one_version, step
from polling import wait_until
from weir_harness import Weir, program, run_cli

StartOrigin = Callable[..., Origin]
StartWeir = Callable[..., Weir]

ESCAPE = "\x1b"


class Terminal:
    """A command of the weir's command line on a pseudo-terminal."""

    def __init__(self, weir: Weir, *arguments: str, **environment: str):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self._master = master

        def take_terminal() -> None:
            """As the one that Ctrl-C comes from, which a test in the background has been told to ignore."""
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.process = subprocess.Popen([program(), *arguments, "--admin", weir.admin.url], stdin=slave, stdout=slave,
                                        stderr=slave, env={**kept, "TERM": "xterm", **environment},
                                        start_new_session=True, preexec_fn=take_terminal)
        os.close(slave)
        self.text = ""

    def read(self) -> str:
        """All that has been printed so far."""
        while select.select([self._master], [], [], 0)[0]:
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            self.text += piece.decode(errors="replace")
        return self.text

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(weir: Weir, *arguments: str, **environment: str) -> Terminal:
        opened.append(Terminal(weir, *arguments, **environment))
        return opened[-1]

    yield start
    for one in opened:
        one.end()


class Watching:
    """`weir watch` with its output in a pipe."""

    def __init__(self, weir: Weir):
        self.process = subprocess.Popen([program(), "watch", "--admin", weir.admin.url], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, bufsize=0)
        self.text = ""

    def read(self) -> str:
        assert self.process.stdout is not None
        while select.select([self.process.stdout], [], [], 0)[0]:
            piece = self.process.stdout.read(65536)
            if not piece:
                break
            self.text += piece.decode()
        return self.text

    def frames(self) -> list[str]:
        """Whole ones: each begins with its head, and the last ends with a line."""
        return [frame for frame in re.split(r"\n(?=weir )", self.read()) if frame]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def watching() -> Iterator[Callable[[Weir], Watching]]:
    started: list[Watching] = []

    def start(weir: Weir) -> Watching:
        started.append(Watching(weir))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture
def rollout(origin: StartOrigin, weir: StartWeir) -> Weir:
    """At half of the users until somebody says otherwise."""
    steps = [*at_weight(50), *step(100, hold={"atLeast": "1h", "atMost": "2h"})]
    gateway = weir(canary(origin("v1", delay_ms=5), origin("v2", delay_ms=5), steps))
    wait_until(lambda: gateway.admin.rollout()["step_id"] > 0, "the rollout has begun")
    return gateway


def rows(text: str) -> dict[str, list[str]]:
    """The table rows of a frame by their first column."""
    found = {}
    for line in text.splitlines():
        columns = re.split(r"\s{2,}", line.strip())
        found[columns[0]] = columns[1:]
    return found


def test_status_shows_where_it_stands_and_why_it_waits(rollout: Weir) -> None:
    def figures() -> Any:
        service = rollout.admin.status()["services"][0]
        return service if all(version["rate"] > 10 and version["p99_ms"] for version in service["versions"]) else None

    with Load(rollout.port, rate=300):
        wait_until(figures, "both versions have rates and quantiles")
        text = rollout.cli("status").stdout
        document = json.loads(rollout.cli("status", "--format", "json").stdout)
    assert text.splitlines()[0].startswith("weir ") and f"at {rollout.admin.url} · ready · " in text.splitlines()[0]
    assert re.search(r"^chat  v1 → v2  running  step 1 of 2 · hold \d+", text, re.M)
    assert re.search(r"█{20}░{20} 50 % of users on v2", text)
    table = rows(text)
    for version in ("v1 (baseline)", "v2 (candidate)"):
        rate, errors, *quantiles = table[version]
        assert int(rate) > 5 and errors == "0 %" and len(quantiles) == 3
        assert all(re.fullmatch(r"[\d.]+ m?s", quantile) for quantile in quantiles)
    assert table["version"] == ["requests/s", "errors", "p50", "p90", "p99"]
    assert table["guard"] == ["baseline", "candidate", "to rollback", "to advance"]
    baseline, candidate, back, _ = table["errorRate"]
    assert re.fullmatch(r"0 % of [\d,]+", baseline) and re.fullmatch(r"0 % of [\d,]+", candidate)
    assert re.fullmatch(r"[█░]{10} \d+ %", back)
    assert "not armed: " in text and "waits: at_least: " in text
    assert ESCAPE not in text
    # The same for programs.
    [service] = document["services"]
    assert document["ready"] and not document["draining"] and document["plan"] == str(rollout.file)
    assert {version["name"] for version in service["versions"]} == {"v1", "v2"}
    for version in service["versions"]:
        assert version["rate"] > 0 and version["requests"] > 0 and version["error_percent"] == 0
        assert 0 < version["p50_ms"] <= version["p90_ms"] <= version["p99_ms"]
    shown = service["rollout"]
    assert (shown["phase"], shown["weight_percent"], shown["step"], shown["steps"]) == ("running", 50, 1, 2)
    guards = {guard["name"]: guard for guard in shown["guards"]}
    assert {"errorRate", "capacityRate", "clientErrorRate", "clientAbortRate"} < set(guards) and len(guards) == 5
    for guard in guards.values():
        assert guard["action"] == "rollback" and guard["explain"]
        assert 0 <= guard["toward_rollback"] <= 1 and 0 <= guard["toward_advance"] <= 1
    assert any(why.startswith("at_least: ") for why in shown["waits"])


def test_the_evidence_moves_toward_advance_and_toward_rollback(origin: StartOrigin, weir: StartWeir) -> None:
    candidate = origin("v2")
    # A guard that only warns speaks of the same evidence, and leaves the rollout where it is.
    guards = [{"metric": "errorRate", "onGuardFail": "warn"}]
    gateway = weir(canary(origin("v1"), candidate, at_weight(50), rollout={"analysis": {"guards": guards}}))
    wait_until(lambda: gateway.admin.rollout()["step_id"] > 0, "the rollout has begun")

    def guard(name: str) -> Any:
        return next(entry for entry in gateway.admin.rollout()["guards"] if entry["name"] == name)

    with Load(gateway.port, rate=400):
        wait_until(lambda: guard("clientErrorRate")["toward_advance"] > 0.2, "evidence toward advance", timeout_s=40)
        table = rows(gateway.cli("status").stdout)
        assert "█" in table["clientErrorRate"][3] and "█" not in table["clientErrorRate"][2]
        candidate.set(status=500)
        wait_until(lambda: guard("errorRate")["toward_rollback"] > 0.2, "evidence toward rollback", timeout_s=40)
        table = rows(gateway.cli("status").stdout)
    assert "█" in table["errorRate"][2]
    assert float(table["v2 (candidate)"][1].removesuffix(" %")) > 0 and table["v1 (baseline)"][1] == "0 %"


def test_a_service_without_a_rollout_has_its_figures(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("v1")))
    text = gateway.cli("status").stdout
    # No traffic is no figures, not a row of zeros.
    assert rows(text)["v1"] == ["0", "–", "–", "–", "–"]
    assert "→" not in text and "waits" not in text


def test_a_rollback_says_its_reason(rollout: Weir) -> None:
    rollout.cli("abort", "chat")
    text = rollout.cli("status").stdout
    assert "rolledBack" in text and "because aborted by an operator" in text
    assert re.search(r"░{40} 0 % of users on v2", text)


def test_history_in_words_and_in_json(rollout: Weir) -> None:
    rollout.cli("pause", "chat")
    rollout.cli("abort", "chat")
    first, second, third = rollout.cli("history").stdout.splitlines()
    assert re.fullmatch(r"\S+Z  chat  rollback  50 % → 0 %  \S+@\S+ from 127\.0\.0\.1  aborted by an operator", first)
    assert re.match(r"\S+Z  chat  pause +50 % → 50 %  \S+@\S+ from 127\.0\.0\.1  paused by an operator", second)
    assert re.match(r"\S+Z  chat  start +0 % → 50 %  weir  ", third)
    records = json.loads(rollout.cli("history", "--format", "json").stdout)["records"]
    assert [record["decision"] for record in records] == ["rollback", "pause", "start"]
    assert all("guards" in record and "evidence_rollback" in record for record in records)
    assert ESCAPE not in rollout.cli("history").stdout


def test_watch_without_a_terminal_prints_a_frame_per_change(rollout: Weir,
                                                            watching: Callable[[Weir], Watching]) -> None:
    watch = watching(rollout)
    wait_until(lambda: len(watch.frames()) == 1, "the first frame")
    rollout.cli("weight", "chat", "60")
    wait_until(lambda: len(watch.frames()) >= 2 and "60 % of users" in watch.frames()[-1], "a frame for the weight")
    rollout.cli("pause", "chat")
    wait_until(lambda: " paused " in watch.frames()[-1], "a frame for the pause")
    frames = len(watch.frames())
    # The clock in the head goes on; that alone is no news.
    clock = rollout.admin.status()["time"][:19]
    wait_until(lambda: rollout.admin.status()["time"][:19] > clock, "a second has passed")
    wait_until(lambda: rollout.admin.status()["uptime_s"] > 4, "some seconds have passed")
    assert len(watch.frames()) == frames
    assert ESCAPE not in watch.read()
    assert watch.process.poll() is None
    rollout.kill()
    assert watch.process.wait(30) == 3 and "no weir answers" in watch.read()


def test_watch_on_a_terminal_redraws_until_ctrl_c(rollout: Weir, terminal: Callable[..., Terminal]) -> None:
    screen = terminal(rollout, "watch")
    clear = "\x1b[H\x1b[J"
    wait_until(lambda: screen.read().count(clear) >= 3, "it redraws though nothing happens")
    assert "\x1b[1m" in screen.text and "50 % of users on v2" in screen.text
    rollout.cli("weight", "chat", "60")
    wait_until(lambda: "60 % of users on v2" in screen.read(), "the new weight is drawn")
    screen.type("\x03")
    # As the shell expects it of a command that Ctrl-C has ended, or with a code of its own.
    assert wait_until(lambda: screen.process.poll() is not None, "Ctrl-C ends it")
    assert screen.process.returncode in (0, 130, -signal.SIGINT)


def test_watch_on_a_terminal_outlives_a_restart(rollout: Weir, terminal: Callable[..., Terminal]) -> None:
    screen = terminal(rollout, "watch")
    wait_until(lambda: "of users on v2" in screen.read(), "the first frame")
    rollout.stop()
    wait_until(lambda: "Still trying" in screen.read(), "it says that nobody answers")
    seen = len(screen.text)
    rollout.start()
    wait_until(lambda: "of users on v2" in screen.read()[seen:], "it shows the weir again")
    assert screen.process.poll() is None


def test_no_redraw_on_a_terminal_prints_frames(rollout: Weir, terminal: Callable[..., Terminal]) -> None:
    screen = terminal(rollout, "watch", "--no-redraw")
    wait_until(lambda: "of users on v2" in screen.read(), "the first frame")
    rollout.cli("weight", "chat", "60")
    wait_until(lambda: "60 % of users" in screen.read(), "the next frame")
    assert "\x1b[H" not in screen.text


def test_colour_only_on_a_terminal_that_wants_it(rollout: Weir, terminal: Callable[..., Terminal]) -> None:
    def printed(*arguments: str, **environment: str) -> str:
        screen = terminal(rollout, *arguments, **environment)
        assert screen.process.wait(30) == 0
        wait_until(lambda: "chat" in screen.read(), "it is printed")
        return screen.text

    assert ESCAPE in printed("status")
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        for arguments in (("status",), ("history",)):
            assert ESCAPE not in printed(*arguments, **plain)


class OtherProgram(http.server.BaseHTTPRequestHandler):
    """Answers on an admin address with names that no plan could hold."""

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        name = ESCAPE + "[31mred"
        rollout = {"baseline": name, "candidate": name, "phase": name, "stage": name, "reason": name, "waits": [name],
                   "guards": [{"name": name}], "weight_percent": 1, "step": 1, "steps": 2}
        record = {key: name for key in ("time", "service", "decision", "actor", "reason")}
        body = json.dumps({"version": name, "time": name, "problems": [name], "records": [record],
                           "services": [{"name": name, "versions": [{"name": name}], "rollout": rollout}]}).encode()
        self.send_response(200)
        self.send_header("X-Weir-Admin", "0.0.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_what_is_printed_cannot_command_the_terminal(tmp_path: pathlib.Path) -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), OtherProgram)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        for verb in ("status", "history"):
            done = run_cli(verb, "--admin", f"http://127.0.0.1:{server.server_port}")
            assert done.returncode == 0 and "[31mred" in done.stdout and ESCAPE not in done.stdout
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    plan = tmp_path / "plan.yaml"
    plan.write_text('services: { "\\e[31mred": { versions: { "\\e[31mred": "\\e[31mred" } } }\n')
    done = run_cli("check", str(plan))
    assert done.returncode == 2 and "[31mred" in done.stderr and ESCAPE not in done.stderr

