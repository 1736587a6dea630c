"""What the program holds in memory: little of a body however large, and little for a connection that waits.

The sizes are those of the program that users run. A sanitizer keeps what is freed and pads what is allocated, so with
one the same things happen on a smaller scale, and what is judged is that they go well.
"""
from __future__ import annotations

import contextlib
import resource
import socket
from typing import Callable, Iterator

import pytest
from footprint import Growth, instrumented, resident
from http_client import Connection, request_bytes
from plans import one_version
from polling import wait_until
from raw_origin import Peer, RawOrigin, always
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_KIB = 1024
_MIB = 1024 * _KIB
_BLOCK = bytes(_MIB)


def receive(connection: socket.socket, size: int) -> None:
    space = memoryview(bytearray(_MIB))
    while size > 0:
        got = connection.recv_into(space[: min(size, len(space))])
        assert got > 0, f"the connection ended {size} bytes early"
        size -= got


def send(connection: socket.socket, size: int) -> None:
    for _ in range(size // _MIB):
        connection.sendall(_BLOCK)


def streams(peer: Peer) -> None:
    """/up takes a body of x-size, /down sends one."""
    while head := peer.head():
        size = int(head.partition(b"x-size: ")[2].partition(b"\r\n")[0])
        if b" /up " in head:
            receive(peer.socket, size - peer.drop_unread())
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        else:
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
            send(peer.socket, size)


def upload(weir: Weir, size: int) -> None:
    with Connection(weir.port, timeout_s=60) as client:
        client.send(request_bytes("POST", "/up", {"x-size": str(size), "Content-Length": str(size)}))
        send(client.socket, size)
        assert client.reply().status == 200


def download(weir: Weir, size: int) -> None:
    with Connection(weir.port, timeout_s=60) as client:
        client.send(request_bytes("GET", "/down", {"x-size": str(size)}))
        assert client.head()["content-length"] == str(size)
        receive(client.socket, size - client.drop_unread())


@pytest.mark.parametrize("transfer", [upload, download])
def test_a_body_of_a_gigabyte_is_not_held(weir: StartWeir, transfer: Callable[[Weir, int], None]) -> None:
    size = 64 * _MIB if instrumented() else 1024 * _MIB
    with RawOrigin(streams) as origin:
        served = weir(one_version(origin, limits={"body": "none"}))
        transfer(served, 8 * _MIB)  # what the first body needs is there for the next
        with Growth(served) as growth:
            transfer(served, size)
    assert instrumented() or growth.most < 8 * _MIB


@contextlib.contextmanager
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_that_wait_cost_little(weir: StartWeir) -> None:
    count, bytes_each = (500 if instrumented() else 10_000), 6 * _KIB
    # Behind a rush each of the two workers keeps warm buffers and a heap with holes: the more, the faster it was.
    for_all = 2 * 4 * _MIB
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    def ask(client: socket.socket) -> None:
        client.sendall(request_bytes("GET", "/", {"x-user-id": "somebody", "accept": "application/json"}))
        reply = b""
        while not reply.endswith(b"\r\n\r\nok"):
            data = client.recv(4096)
            assert data, reply
            reply += data

    with many_descriptors(), contextlib.ExitStack() as held, RawOrigin(always(answer)) as origin:
        served = weir(one_version(origin, workers=2, timeouts={"keepAlive": "1h"}))
        clients = []
        before = resident(served)
        for _ in range(count):
            clients.append(held.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=15)))
            ask(clients[-1])
        # A connection gives its buffers back when it has been idle for a second.
        wait_until(lambda: instrumented() or resident(served) - before <= count * bytes_each + for_all,
                   f"{count} connections take {bytes_each} bytes each", timeout_s=60)
        for client in clients[::50]:
            ask(client)
