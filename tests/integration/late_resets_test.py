"""Resets that arrive together with the bytes before them, while the weir is busy: nobody waits for what cannot come."""
from __future__ import annotations

import contextlib
import pathlib
import signal
import threading
from typing import Callable, Iterator

import pytest
from http_client import Connection, Truncated, get, request_bytes
from outcomes import wait_for_outcomes
from plans import one_version
from polling import wait_until
from raw_origin import Peer, RawOrigin
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_HALF_A_BODY = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nnot a thousand"


@contextlib.contextmanager
def standing_still(served: Weir) -> Iterator[None]:
    """What arrives meanwhile is seen at once."""
    served.signal(signal.SIGSTOP)
    states = pathlib.Path(f"/proc/{served.pid}/task").glob
    wait_until(lambda: all(") T " in state.read_text() for state in states("*/stat")), "it stands still")
    try:
        yield
    finally:
        served.signal(signal.SIGCONT)


def one_that_is_reset(reply: bytes) -> tuple[Callable[[Peer], None], threading.Event, threading.Event]:
    """An origin's script: its first connection says this and is reset, when told to."""
    now, done = threading.Event(), threading.Event()

    def serve(peer: Peer) -> None:
        while peer.request():
            if peer.number == 1:
                assert now.wait(30)
                peer.send(reply)
                peer.reset()
                done.set()
                return
            peer.send(_OK)
    return serve, now, done


def ask_meanwhile(served: Weir, origin: RawOrigin, client: Connection, now: threading.Event,
                  done: threading.Event) -> None:
    client.send(request_bytes("GET", "/"))
    wait_until(lambda: len(origin.heads) == 1, "the request is at the origin")
    with standing_still(served):
        now.set()
        assert done.wait(30)


def test_inside_a_response(weir: StartWeir) -> None:
    serve, now, done = one_that_is_reset(_HALF_A_BODY)
    with RawOrigin(serve) as origin:
        served = weir(one_version(origin, workers=1))
        with Connection(served.port) as client:
            ask_meanwhile(served, origin, client, now, done)
            with pytest.raises((Truncated, ConnectionResetError)):
                client.reply()
        wait_for_outcomes(served, reset=1)


def test_behind_many_parts_of_a_stream(weir: StartWeir) -> None:
    parts = 30
    heard, now, done = threading.Semaphore(0), threading.Event(), threading.Event()

    def serve(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(parts):
            peer.send(b"5\r\npart \r\n")
            assert heard.acquire(timeout=30)
        assert now.wait(30)
        peer.send(b"5\r\npart \r\n")
        peer.reset()
        done.set()

    with RawOrigin(serve) as origin:
        served = weir(one_version(origin, workers=1))
        with Connection(served.port) as client:
            client.send(request_bytes("GET", "/"))
            seen = b""
            for _ in range(parts):
                while not seen.endswith(b"part \r\n"):
                    seen += client.socket.recv(65536)
                seen = b""
                heard.release()
            with standing_still(served):
                now.set()
                assert done.wait(30)
            with pytest.raises(ConnectionResetError):
                while client.socket.recv(65536):
                    pass
        wait_for_outcomes(served, reset=1)


def test_inside_a_response_that_ends_with_its_connection_while_a_request_is_sent(weir: StartWeir) -> None:
    """The kernel tells of the reset once: to the write, if that comes first."""
    begun, now, done = threading.Event(), threading.Event(), threading.Event()

    def serve(peer: Peer) -> None:
        peer.head()
        begun.set()
        assert now.wait(30)
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nnot the whole")
        peer.reset()
        done.set()

    with RawOrigin(serve) as origin:
        served = weir(one_version(origin, workers=1))
        with Connection(served.port) as client:
            client.send(request_bytes("POST", "/", {"Content-Length": "1000"}))
            assert begun.wait(30)
            with standing_still(served):
                client.send(b"half of it")
                now.set()
                assert done.wait(30)
            with pytest.raises((Truncated, ConnectionResetError)):
                client.reply()
        wait_for_outcomes(served, reset=1)


def test_inside_a_head(weir: StartWeir) -> None:
    serve, now, done = one_that_is_reset(b"HTTP/1.1 200 O")
    with RawOrigin(serve) as origin:
        served = weir(one_version(origin, workers=1))
        with Connection(served.port) as client:
            ask_meanwhile(served, origin, client, now, done)
            assert client.reply().status == 502


def test_behind_a_response(weir: StartWeir) -> None:
    """The connection looks as good as any that is kept. It is no attempt, as one that has aged."""
    serve, now, done = one_that_is_reset(_OK)
    with RawOrigin(serve) as origin:
        served = weir(one_version(origin, workers=1))
        with Connection(served.port) as client:
            ask_meanwhile(served, origin, client, now, done)
            assert client.reply().body == b"ok"
        assert get(served.port).body == b"ok"
        wait_for_outcomes(served, ok=2)


def test_inside_a_request(weir: StartWeir) -> None:
    with RawOrigin(Peer.wait_for_close) as origin:
        served = weir(one_version(origin, workers=1))
        with Connection(served.port) as client:
            client.send(request_bytes("POST", "/", {"Content-Length": "1000"}))
            wait_until(lambda: origin.connections == 1, "it is on its way")
            with standing_still(served):
                client.send(b"not a thousand")
                client.reset()
        wait_for_outcomes(served, client_abort=1)
