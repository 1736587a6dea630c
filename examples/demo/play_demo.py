#!/usr/bin/env python3
"""Plays the demo: three model servers, users, and Weir, each a process of its own, on free ports of this machine.

Act one: v2 takes over from v1. Act two: v3, which fails 3 % of its requests, is taken back. Everything ends with this
program, however that ends. Exit status 0 when both acts went as they should.
"""
import argparse
import contextlib
import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
SERVICE = "model"
USERS = 1000
REQUESTS_PER_SECOND = 1000
FAIL_PERCENT = 3
START_TIMEOUT_S = 15
POLL_S = 0.1


class DemoFailure(Exception):
    """The demo did not go as it should; says how."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stage:
    """The processes of the demo and the folder they write to. Leaving it ends them all."""

    def __init__(self, build: pathlib.Path):
        self.build = build
        self._exit = contextlib.ExitStack()
        self.folder = pathlib.Path(self._exit.enter_context(tempfile.TemporaryDirectory(prefix="weir-demo-")))
        # The ports that the plans name, and the free ones that stand in for them.
        self.ports = {port: free_port() for port in (8080, 9901, 9001, 9002, 9003)}
        self.plan = self.folder / "weir.yaml"
        self.load_report = self.folder / "load.json"

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_) -> None:
        self._exit.close()

    def start(self, name: str, *command) -> subprocess.Popen:
        log = self._exit.enter_context(open(self.folder / f"{name}.log", "wb"))
        process = subprocess.Popen([str(word) for word in command], cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT)
        self._exit.callback(self._end, process)
        return process

    @staticmethod
    def _end(process: subprocess.Popen) -> None:
        process.terminate()
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log_of(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def write_plan(self, source: str) -> None:
        text = (HERE / source).read_text()
        for written, free in self.ports.items():
            text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{free}")
        self.plan.write_text(text)

    def start_model(self, name: str, port: int, fail_percent: int = 0) -> None:
        self.start(name, self.build / "examples/model_server", "--name", name, "--port", self.ports[port],
                   "--fail-percent", fail_percent, "--seed", port)

    def start_weir(self) -> None:
        process = self.start("weir", self.build / "app/weir", "run", self.plan)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.admin_url + "/readyz", timeout=1):
                return
            time.sleep(0.05)
        raise DemoFailure("weir did not start:\n" + self.log_of("weir"))

    def start_users(self) -> None:
        self.start("users", self.build / "examples/steady_load", "--port", self.ports[8080], "--json",
                   self.load_report, "--rate", REQUESTS_PER_SECOND, "--users", USERS)

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.ports[9901]}"

    def rollout(self) -> dict:
        with urllib.request.urlopen(self.admin_url + "/api/v1/status", timeout=5) as answer:
            status = json.load(answer)
        return next(service["rollout"] for service in status["services"] if service["name"] == SERVICE)

    def reload(self) -> None:
        result = subprocess.run([self.build / "app/weir", "reload", "--admin", self.admin_url], text=True,
                                capture_output=True, check=False)
        if result.returncode != 0:
            raise DemoFailure(f"weir reload: {result.stderr or result.stdout}")

    def load(self) -> dict:
        """What the users saw up to the last full second."""
        with contextlib.suppress(FileNotFoundError):
            return json.loads(self.load_report.read_text())
        return {"requests": 0, "errors": 0, "users_with_errors": 0}


def follow(stage: Stage, candidate: str, goal: str, timeout_s: float) -> tuple[float, dict]:
    """Prints a line for each change of the candidate's rollout until it is in phase `goal`.

    Returns the seconds that took, from the first moment at which the candidate had any traffic, and the rollout.
    """
    begin, last = time.monotonic(), None
    while time.monotonic() - begin < timeout_s:
        rollout = stage.rollout()
        if rollout["candidate"] == candidate:
            phase, weight = rollout["phase"], rollout["weight_percent"]
            if (phase, weight) != last:
                print(f"  {time.monotonic() - begin:5.1f} s  {candidate} {phase:12} {weight:5.1f} % of the users", flush=True)
                last = (phase, weight)
            if phase == goal:
                return time.monotonic() - begin, rollout
        time.sleep(POLL_S)
    raise DemoFailure(f"{candidate} was not {goal} within {timeout_s:.0f} s; weir says:\n"
                      + json.dumps(stage.rollout(), indent=1) + "\n" + stage.log_of("weir")[-3000:])


def play(stage: Stage) -> None:
    for name, port in (("v1", 9001), ("v2", 9002)):
        stage.start_model(name, port)
    stage.start_model("v3", 9003, FAIL_PERCENT)
    stage.write_plan("good-candidate.yaml")
    stage.start_weir()
    stage.start_users()

    print(f"\nAct one. {USERS} users send {REQUESTS_PER_SECOND} requests/s; v2, as good as v1, is to take over.")
    took, _ = follow(stage, "v2", "promoted", 180)
    time.sleep(1.1)
    seen = stage.load()
    print(f"v2 serves everybody after {took:.0f} s; {seen['requests']} requests, {seen['errors']} errors.")
    if seen["errors"]:
        raise DemoFailure("users saw errors though no version had any")

    print(f"\nAct two. v3 is next, and fails {FAIL_PERCENT} % of its requests.")
    stage.write_plan("bad-candidate.yaml")
    stage.reload()
    took, rollout = follow(stage, "v3", "rolledBack", 120)
    time.sleep(2.1)
    seen = stage.load()
    print(f"v3 was taken back {took:.1f} s after it got its first users: {rollout.get('reason', '')}")
    print(f"{seen['users_with_errors']} of {USERS} users saw an error, {seen['errors']} errors in all.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the folder of the release build")
    options = parser.parse_args()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    try:
        with Stage(options.build.resolve()) as stage:
            play(stage)
    except DemoFailure as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("\nThe demo is over; nothing of it is left running.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
