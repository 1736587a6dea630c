"""What a request costs in system calls, as strace sees it."""
from __future__ import annotations

import collections
import ctypes
import pathlib
import re
import signal
import subprocess
import threading
from typing import Any, Callable, Iterator

import pytest
from certificates import Authority
from http_client import Connection, request_bytes
from origin import Origin
from outcomes import metric
from plans import at_weight, canary, one_version
from polling import wait_until
from ports import free_port
from raw_origin import Peer, RawOrigin
from weir_harness import Weir

_REQUESTS = 100
# Everything by which bytes enter or leave a socket.
_DATA_CALLS = "read,readv,recvfrom,recvmsg,recvmmsg,write,writev,sendto,sendmsg,sendmmsg,sendfile,splice"
_CALL = re.compile(r"^(\d+)\s+(\w+)\(")
_PR_SET_PTRACER, _ANYBODY = 0x59616D61, ctypes.c_ulong(-1)


def _let_anybody_trace() -> None:
    """Where only a parent may trace a process (Yama), its sibling may too."""
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYBODY, 0, 0, 0)


@pytest.fixture
def trace(tmp_path: pathlib.Path) -> Iterator[Callable[[int], pathlib.Path]]:
    """Attaches to a process; what it calls is in the file that comes back, once it has been detached."""
    running: list[subprocess.Popen[str]] = []

    def attach(pid: int) -> pathlib.Path:
        out, errors = tmp_path / "trace", tmp_path / "strace.log"
        with errors.open("w") as log:
            running.append(subprocess.Popen(["strace", "-f", "-e", f"trace={_DATA_CALLS}", "-o", str(out), "-p", str(pid)],
                                            stderr=log, text=True))
        wait_until(lambda: "attached" in errors.read_text(), "strace is attached")
        return out

    yield attach
    for process in running:
        process.send_signal(signal.SIGINT)
        process.wait()


def _calls_by_thread(text: str) -> dict[str, collections.Counter[str]]:
    calls: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for line in text.splitlines():
        call = _CALL.match(line)
        if call:
            calls[call[1]][call[2]] += 1
    return calls


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_request_makes_two_reads_and_two_writes(secure: bool, origin: Callable[..., Origin], new_weir: Callable[..., Weir],
                                                  trace: Callable[[int], pathlib.Path], tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path / "ca")
    port = free_port()
    listener: dict[str, Any] = {"address": f"127.0.0.1:{port}"}
    if secure:
        listener["tls"] = {"certificates": [authority.issue("a.test").plan()]}
    weir = new_weir(canary(origin("v1"), origin("v2"), at_weight(10), workers=1, listeners=[listener]))
    weir.start(prepare=_let_anybody_trace)
    with Connection(port, tls=(authority.client(), "a.test") if secure else None) as client:
        def ask() -> None:
            reply = client.request("GET", "/v1/chat", {"x-user-id": "user-2"})
            assert (reply.status, reply["x-weir-version"]) == (200, "v1")

        ask()  # opens the connection to the origin
        # Two more are opened to the candidate, which has just begun to get traffic.
        wait_until(lambda: metric(weir, "weir_upstream_connections_idle") == 3, "no connection is being opened")
        out = trace(weir.pid)
        for _ in range(_REQUESTS):
            ask()
        calls = _calls_by_thread(out.read_text())
    expect_calls(calls, 2 * _REQUESTS)


def expect_calls(calls: dict[str, collections.Counter[str]], reads_and_writes: int) -> None:
    worker = max(calls.values(), key=lambda counts: counts["recvfrom"])
    # The first read may have been under way when the tracer came.
    assert abs(worker["recvfrom"] - reads_and_writes) <= 1, worker
    assert worker["sendto"] == reads_and_writes, worker
    assert set(worker) == {"recvfrom", "sendto"}, worker


def test_a_part_of_a_stream_makes_one_read_and_one_write(new_weir: Callable[..., Weir],
                                                         trace: Callable[[int], pathlib.Path]) -> None:
    heard = threading.Semaphore(0)

    def serve(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while heard.acquire(timeout=30):
            peer.send(b"5\r\npart \r\n")

    with RawOrigin(serve) as origin:
        weir = new_weir(one_version(origin, workers=1))
        weir.start(prepare=_let_anybody_trace)
        with Connection(weir.port) as client:
            def hear_a_part() -> None:
                heard.release()
                seen = b""
                while not seen.endswith(b"part \r\n"):
                    seen += client.socket.recv(65536)

            client.send(request_bytes("GET", "/"))
            hear_a_part()
            out = trace(weir.pid)
            for _ in range(_REQUESTS):
                hear_a_part()
            calls = _calls_by_thread(out.read_text())
    expect_calls(calls, _REQUESTS)
