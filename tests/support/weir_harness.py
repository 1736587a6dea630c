"""Runs the real program (WEIR_BIN) on a plan, and talks to its admin API."""
from __future__ import annotations

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
from typing import Any, Callable

from plans import Plan
from polling import wait_until
from ports import free_port

_SANITIZER = re.compile(r"(AddressSanitizer|ThreadSanitizer|LeakSanitizer|runtime error:)")


def program() -> str:
    return os.environ["WEIR_BIN"]


def end_now(process: subprocess.Popen[bytes]) -> None:
    """Kills what its test has not ended."""
    if process.poll() is None:
        process.kill()
        process.wait()


class Admin:
    """The admin API at a port of loopback."""

    def __init__(self, port: int, token: str = ""):
        self.port = port
        self.token = token

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, method: str, target: str, body: str = "", fields: dict[str, str] | None = None) -> tuple[int, str]:
        """Returns the status and the body."""
        own = {"authorization": f"Bearer {self.token}"} if self.token else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request(method, target, body or None, {**own, **(fields or {})})
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def get(self, target: str) -> Any:
        status, body = self.call("GET", f"/api/v1/{target}")
        assert status == 200, (target, status, body)
        return json.loads(body)

    def post(self, target: str, body: str = "") -> tuple[int, str]:
        return self.call("POST", f"/api/v1/{target}", body)

    def metrics(self) -> str:
        status, body = self.call("GET", "/metrics")
        assert status == 200, (status, body)
        return body

    def status(self) -> Any:
        return self.get("status")

    def rollout(self, service: str = "chat") -> Any:
        return next(entry for entry in self.status()["services"] if entry["name"] == service)["rollout"]

    def history(self, service: str = "chat") -> list[Any]:
        """Newest first."""
        return [record for record in self.get("history?limit=1000")["records"] if record["service"] == service]

    def ready(self) -> bool:
        try:
            return self.call("GET", "/readyz")[0] == 200
        except OSError:
            return False


class Weir:
    """One plan in a directory of its own; may be started again and again on the same state."""

    def __init__(self, plan: Plan, directory: pathlib.Path, token: str = ""):
        self.directory = directory
        self.port = free_port()
        self.admin = Admin(free_port(), token)
        self.file = directory / "plan.yaml"
        self.stderr = directory / "stderr.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.write(plan)

    def write(self, plan: Plan) -> None:
        """Puts another plan into the file, at the same addresses unless it names others."""
        own: Plan = {
            "workers": 2,
            "listeners": [{"address": f"127.0.0.1:{self.port}"}],
            "admin": {"address": f"127.0.0.1:{self.admin.port}"},
            "state": {"path": str(self.directory / "weir.db")},
        }
        self.plan = {**own, **plan}
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(self.plan, indent=1))
        fresh.replace(self.file)

    def launch(self, prepare: Callable[[], None] | None = None, **environment: str) -> None:
        """Starts it without waiting. `prepare` runs in the child before the program."""
        with self.stderr.open("ab") as errors:
            self._process = subprocess.Popen([program(), "run", str(self.file)], stdout=errors, stderr=errors,
                                             cwd=self.directory, env={**os.environ, **environment}, preexec_fn=prepare)

    def start(self, prepare: Callable[[], None] | None = None, **environment: str) -> "Weir":
        self.launch(prepare, **environment)
        wait_until(self._is_ready, "the weir is ready", timeout_s=30)
        return self

    def _is_ready(self) -> bool:
        assert self.running(), f"weir has ended with {self.process.returncode}:\n{self.log()}"
        return self.admin.ready()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, timeout_s: float = 60) -> int:
        return self.process.wait(timeout_s)

    def stop(self) -> None:
        """Ends it in order, and fails when it does not end well."""
        if self.running():
            self.signal(signal.SIGTERM)
            try:
                code = self.wait()
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"weir did not end within 60 s of SIGTERM:\n{self.log()}") from None
            assert code == 0, f"weir ended with {code}:\n{self.log()}"
        self.check_log()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        return self.stderr.read_text(errors="replace") if self.stderr.exists() else ""

    def check_log(self) -> None:
        log = self.log()
        assert not _SANITIZER.search(log), log

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command of the command line against this weir's admin API."""
        done = run_cli(*arguments, "--admin", self.admin.url, token=self.admin.token)
        assert not check or done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
        return done

    def wait_phase(self, *phases: str, timeout_s: float = 60) -> Any:
        """The rollout's status as soon as it is in one of these phases."""
        def reached() -> Any:
            rollout = self.admin.rollout()
            return rollout if rollout["phase"] in phases else None
        try:
            return wait_until(reached, f"the rollout is {' or '.join(phases)}", timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.admin.rollout(), indent=1)}\n{self.log()[-2000:]}") from None


def run_cli(*arguments: str, token: str = "", cwd: pathlib.Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"WEIR_TOKEN": token} if token else {})}
    return subprocess.run([program(), *arguments], capture_output=True, text=True, env=environment, cwd=cwd, timeout=60,
                          check=False)
