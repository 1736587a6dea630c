"""Answers that come before their request is whole. The client has them at once. An origin that reads on gets the rest of
the request; one that turns it down, or says that it closes, ends it, and the client is told so and can read why."""
from __future__ import annotations

import json
import pathlib
import signal
import threading
from typing import Callable

import pytest
from http_client import Connection, Reply, request_bytes
from outcomes import wait_for_outcomes
from plans import Plan, one_version
from polling import wait_until
from raw_origin import Peer, RawOrigin
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_MIB = 1024 * 1024
_SIZE = 4 * _MIB
_EARLY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_SHORT: Plan = {"timeouts": {"bodyIdle": "300ms"}}


class Reads:
    """An origin that answers as soon as it has a head, and then reads the body, as far as it is told."""

    def __init__(self, answer: bytes = _EARLY, upto: int = _SIZE):
        self.answer = answer
        self.upto = upto
        self.read = 0
        self.bodies: list[bytes] = []
        self.released = threading.Event()

    def serve(self, peer: Peer) -> None:
        while peer.head():
            peer.send(self.answer)
            body = b""
            while len(body) < self.upto:
                body += peer.body(min(64 * 1024, self.upto - len(body)))
                self.read = len(body)
            self.bodies.append(body)
            if self.upto < _SIZE:
                self.released.wait(30)
                return


def begin(client: Connection, sent: bytes, chunked: bool = False) -> Reply:
    """Sends a head and a part of its body, and reads the answer."""
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(_SIZE)}
    client.send(request_bytes("POST", "/", framing) + sent)
    return client.reply()


@pytest.mark.parametrize("size", [0, 1000, 100_000])
def test_the_rest_of_an_upload_follows_its_early_answer(weir: StartWeir, size: int) -> None:
    reads, first, rest = Reads(), b"x" * size, b"y" * (_SIZE - size)
    with RawOrigin(reads.serve) as origin:
        served = weir(one_version(origin))
        with Connection(served.port) as client:
            for count in (1, 2):  # on one connection, and one to the origin
                reply = begin(client, first)
                assert (reply.status, reply.body) == (200, b"ok") and reply.keeps_open()
                client.send(rest)
                wait_until(lambda n=count: len(reads.bodies) == n, "the origin has all of it")  # type: ignore[misc]
                assert reads.bodies[-1] == first + rest
            assert origin.connections == 1
        wait_for_outcomes(served, ok=2)


def test_the_rest_in_chunks_with_its_trailers(weir: StartWeir) -> None:
    came: list[bytes] = []

    def serve(peer: Peer) -> None:
        while peer.head():
            peer.send(_EARLY)
            data = b""
            while not data.endswith(b"X-Sum: 7\r\n\r\n"):
                data += peer.body(1)
            came.append(data)
    with RawOrigin(serve) as origin:
        served = weir(one_version(origin))
        with Connection(served.port) as client:
            assert begin(client, b"3\r\nabc\r\n", chunked=True).body == b"ok"
            client.send(b"2\r\nde\r\n")
            client.send(b"0\r\nX-Sum: 7\r\n\r\n")
            wait_until(lambda: came, "the origin has all of it")
            assert came == [b"3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 7\r\n\r\n"]
            assert begin(client, b"0\r\nX-Sum: 7\r\n\r\n", chunked=True).status == 200


def test_an_origin_that_says_that_it_closes_is_announced(weir: StartWeir) -> None:
    reads = Reads(_EARLY.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
    with RawOrigin(reads.serve) as origin:
        served = weir(one_version(origin))
        with Connection(served.port) as client:
            assert begin(client, b"")["connection"] == "close"
            client.send(b"y" * _SIZE)  # which it reads all the same
            wait_until(lambda: len(reads.bodies) == 1, "the origin has all of it")
            assert client.at_end()


@pytest.mark.parametrize("status", [b"302 Found", b"413 Too Large", b"500 Broken"])
def test_an_answer_that_turns_an_upload_down_is_announced(weir: StartWeir, status: bytes) -> None:
    reads = Reads(_EARLY.replace(b"200 OK", status), upto=1000)
    with RawOrigin(reads.serve) as origin:
        served = weir(one_version(origin))
        with Connection(served.port) as client:
            reply = begin(client, b"x" * 2000)
            assert (reply.status, reply["connection"], reply.body) == (int(status[:3]), "close", b"ok")
            reads.released.set()


def test_a_client_that_looks_for_its_answer_only_behind_its_upload_finds_it(weir: StartWeir) -> None:
    reads = Reads(_EARLY.replace(b"200 OK", b"413 Too Large"), upto=1000)
    with RawOrigin(reads.serve) as origin:
        served = weir(one_version(origin))
        with Connection(served.port) as client:
            client.send(request_bytes("POST", "/", {"Content-Length": str(64 * _MIB)}))
            pause = threading.Event()
            for _ in range(14):  # a slow line: 3.5 s, longer than a client has that has gone quiet
                client.send(b"x" * 1000)
                pause.wait(0.25)
            reply = client.reply()
            assert (reply.status, reply["connection"]) == (413, "close")
            reads.released.set()


def test_an_origin_that_reads_no_further_ends_the_upload_in_time(weir: StartWeir) -> None:
    reads = Reads(upto=1000)
    with RawOrigin(reads.serve) as origin:
        served = weir(one_version(origin, **_SHORT))
        with Connection(served.port) as client:
            assert begin(client, b"x" * 2000).body == b"ok"
            sending = threading.Thread(target=lambda: _push(client, 64 * _MIB))
            sending.start()
            wait_for_outcomes(served, ok=1)
            reads.released.set()
            sending.join()
        wait_until(lambda: origin.open == 0, "upstream is closed")


def test_a_client_that_sends_no_further_ends_its_upload_in_time(weir: StartWeir) -> None:
    reads = Reads()
    with RawOrigin(reads.serve) as origin:
        served = weir(one_version(origin, **_SHORT))
        with Connection(served.port) as client:
            assert begin(client, b"x" * 2000).body == b"ok"
            wait_until(lambda: origin.open == 0, "upstream is closed")
            assert client.at_end()
        wait_for_outcomes(served, ok=1)


@pytest.mark.parametrize("leave", [Connection.reset, Connection.half_close])
def test_a_client_that_leaves_behind_its_answer_ends_its_upload(weir: StartWeir,
                                                                leave: Callable[[Connection], None]) -> None:
    reads = Reads()
    with RawOrigin(reads.serve) as origin:
        served = weir(one_version(origin))
        with Connection(served.port) as client:
            assert begin(client, b"x" * 2000).body == b"ok"
            wait_until(lambda: origin.open == 1, "the upload is under way")
            leave(client)
            wait_until(lambda: origin.open == 0, "upstream is closed")
            wait_for_outcomes(served, ok=1)


def test_a_drain_that_cuts_an_upload_behind_its_answer_blames_nobody(weir: StartWeir, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "access.log"
    with RawOrigin(Reads().serve) as origin:
        served = weir(one_version(origin, accessLog={"path": str(log)},
                                  timeouts={"drain": "100ms", "streamDrain": "100ms"}))
        with Connection(served.port) as client:
            assert begin(client, b"x" * 1000).body == b"ok"
            served.signal(signal.SIGTERM)
            assert served.wait() == 0
    line = json.loads(log.read_text())
    assert (line["status"], line["class"], line["bytes_in"]) == (200, "ok", 1000)


def test_an_origin_that_hangs_up_behind_its_answer_ends_the_upload(weir: StartWeir) -> None:
    def serve(peer: Peer) -> None:
        peer.head()
        peer.send(_EARLY)
        peer.reset()
    with RawOrigin(serve) as origin:
        served = weir(one_version(origin))
        with Connection(served.port) as client:
            client.send(request_bytes("POST", "/", {"Content-Length": str(_SIZE)}))
            assert client.reply().body == b"ok"
            _push(client, _SIZE)
            assert client.at_end()
        wait_for_outcomes(served, ok=1)


def _push(client: Connection, size: int) -> None:
    """Sends as much as is taken."""
    try:
        client.socket.sendall(b"x" * size)
    except OSError:
        pass


def test_a_client_may_be_silent_once_its_upload_is_turned_down(weir: StartWeir) -> None:
    last = threading.Event()

    def serve(peer: Peer) -> None:
        while head := peer.head():
            if b"/stalls" in head:
                peer.wait_for_close()
                return
            peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\no")
            last.wait(30)
            peer.send(b"k")
    with RawOrigin(serve) as origin:
        served = weir(one_version(origin, **_SHORT))
        with Connection(served.port) as told, Connection(served.port) as stalls:
            told.send(request_bytes("POST", "/", {"Content-Length": str(_SIZE)}) + b"x" * 2000)
            assert told.head().status == 413
            stalls.send(request_bytes("POST", "/stalls", {"Content-Length": str(_SIZE)}) + b"x" * 2000)
            assert stalls.reply().status == 408  # of two that have been silent the one that owes something
            last.set()
            rest = b""
            while more := told.read_some():
                rest += more
            assert rest == b"ok"
