"""Whoever reads what a weir writes, and does not: decisions, traffic and the end of the process wait for nobody."""
from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from typing import Callable, Iterator

import pytest
from http_client import Connection
from origin import Origin
from outcomes import metric
from plans import at_weight, canary, one_version
from polling import wait_until
from weir_harness import Weir, end_now, program

StartOrigin = Callable[..., Origin]

_PIPE = 16 * 1024
_REQUESTS = 200  # whose lines have no room there


class Unread:
    """A weir one of whose outputs is a small pipe."""

    def __init__(self, weir: Weir, output: str):
        self.weir = weir
        self.reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE)
        with weir.stderr.open("wb") as errors:
            outputs = {"stdout": subprocess.DEVNULL, "stderr": errors, output: writing}
            self.process = subprocess.Popen([program(), "run", str(weir.file)], cwd=weir.directory, **outputs)
        os.close(writing)
        wait_until(weir.admin.ready, "the weir is ready")

    def read(self) -> str:
        """All that has been written and not been read."""
        os.set_blocking(self.reading, False)
        told = b""
        while True:
            try:
                piece = os.read(self.reading, 65536)
            except BlockingIOError:
                return told.decode()
            told += piece
            if not piece:
                return told.decode()


@pytest.fixture(name="unread")
def _unread(new_weir: Callable[..., Weir]) -> Iterator[Callable[..., Unread]]:
    started: list[Unread] = []

    def start(plan: dict, output: str) -> Unread:
        started.append(Unread(new_weir(plan), output))
        return started[-1]

    yield start
    for one in started:
        end_now(one.process)
        os.close(one.reading)
        one.weir.check_log()


def test_a_failing_candidate_is_taken_back_while_nobody_reads_the_log(origin: StartOrigin,
                                                                      unread: Callable[..., Unread]) -> None:
    good, bad = origin("v1"), origin("v2", status=500)
    log = unread(canary(good, bad, at_weight(50)), "stderr")
    weir = log.weir

    def dropped() -> bool:
        assert weir.admin.call("POST", "/api/v1/reload")[0] == 200  # which is told in the log
        return metric(weir, "weir_log_lines_dropped_total") > 0
    wait_until(dropped, "the pipe is full")
    with Connection(weir.port) as client:
        def taken_back() -> bool:
            for user in range(50):
                client.request("GET", "/", {"x-user-id": f"user{user}"})
            return weir.admin.rollout()["phase"] == "rolledBack"
        wait_until(taken_back, "the candidate is taken back")
    assert '"rollback"' not in (told := log.read())
    assert weir.admin.call("POST", "/api/v1/reload")[0] == 200
    told += log.read()
    lost = int(told.split('"event":"log_lines_dropped","count":')[1].split("}")[0])
    assert lost == metric(weir, "weir_log_lines_dropped_total")
    log.process.send_signal(signal.SIGTERM)
    assert log.process.wait(30) == 0


def test_it_ends_and_saves_while_nobody_reads_the_access_log(origin: StartOrigin,
                                                             unread: Callable[..., Unread]) -> None:
    log = unread(one_version(origin("v1"), accessLog={"path": "-"}), "stdout")
    weir = log.weir

    with Connection(weir.port) as client:
        for _ in range(_REQUESTS):
            assert client.request("GET", "/").status == 200
    log.process.send_signal(signal.SIGTERM)
    assert log.process.wait(30) == 0
    assert '"state_saved":true' in weir.log() and "access_log_not_written" in weir.log()
    assert log.read().count("\n") < _REQUESTS
