"""An origin scripted byte by byte: what it says and when it hangs up is a test's own function, run in this process."""
from __future__ import annotations

import pathlib
import re
import socket
import ssl
import threading
import types
from typing import Callable

from ports import free_port

_BLOCK = 256 * 1024
_TIMEOUT_S = 30


def _listen_at(path: pathlib.Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(256)
    return listener


class Peer:
    """One connection of the weir, as its origin has it. `number` counts connections from 1."""

    def __init__(self, connection: socket.socket, number: int, heads: list[bytes]):
        self.socket = connection
        self.number = number
        self._heads = heads
        self._unread = b""

    def head(self) -> bytes:
        """The next request's head, kept in RawOrigin.heads too; empty when the weir has closed."""
        while (end := self._unread.find(b"\r\n\r\n")) < 0:
            data = self.socket.recv(_BLOCK)
            if not data:
                return b""
            self._unread += data
        head, self._unread = self._unread[: end + 4], self._unread[end + 4:]
        self._heads.append(head)
        return head

    def request(self) -> bytes:
        """As head(), but reads a body with a length as well."""
        head = self.head()
        if length := re.search(rb"(?i)\r\ncontent-length: (\d+)", head):
            self.body(int(length[1]))
        return head

    def request_with_body(self) -> tuple[bytes, bytes] | None:
        """As request(), with the body; nothing when the weir has closed."""
        head = self.head()
        if not head:
            return None
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        return head, self.body(int(length[1])) if length else b""

    def body(self, size: int) -> bytes:
        while len(self._unread) < size:
            data = self.socket.recv(_BLOCK)
            if not data:
                raise ConnectionError("the weir closed inside a body")
            self._unread += data
        body, self._unread = self._unread[:size], self._unread[size:]
        return body

    def chunks(self) -> bytes:
        """A body in chunks without trailers, as it was framed."""
        while not self._unread.endswith(b"0\r\n\r\n"):
            data = self.socket.recv(_BLOCK)
            if not data:
                raise ConnectionError("the weir closed inside a body")
            self._unread += data
        body, self._unread = self._unread, b""
        return body

    def drop_unread(self) -> int:
        """How much has been received and not been asked for; it is forgotten, and the socket may be read directly."""
        size, self._unread = len(self._unread), b""
        return size

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """Closes so that the weir sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def wait_for_close(self) -> None:
        while self.socket.recv(_BLOCK):
            pass


class RawOrigin:
    """Runs `serve` on every connection, which is closed when that returns. At a port of loopback, at the given address,
    or at a Unix socket; through TLS when a context is given."""

    def __init__(self, serve: Callable[[Peer], None], path: pathlib.Path | None = None,
                 tls: ssl.SSLContext | None = None, at: tuple[str, int] | None = None):
        self._tls = tls
        host, self.port = at or ("127.0.0.1", 0 if path else free_port())
        self.heads: list[bytes] = []
        self.connections = 0
        self._serve = serve
        self._failures: list[Exception] = []
        self._open: set[socket.socket] = set()
        self._listener = _listen_at(path) if path else socket.create_server((host, self.port), backlog=256)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "RawOrigin":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: types.TracebackType | None) -> None:
        self.stop()
        # The script's own mistake explains the test's failure, or would have gone unseen.
        if self._failures:
            raise self._failures[0]

    @property
    def open(self) -> int:
        """Connections whose script has not returned."""
        return len(self._open)

    def stop(self) -> None:
        """Listens no more, and ends what is open."""
        if self._listener.fileno() >= 0:
            # A thread that waits in accept() is not woken by close() alone.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed by its script

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(_TIMEOUT_S)
            if connection.family == socket.AF_INET:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._run, args=(connection, self.connections), daemon=True).start()

    def _run(self, connection: socket.socket, number: int) -> None:
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                return  # the weir did not like what it saw
        peer = Peer(connection, number, self.heads)
        self._open.add(peer.socket)
        try:
            self._serve(peer)
        except OSError:
            pass  # the weir hung up, or the test is over
        except Exception as error:  # pylint: disable=broad-except
            self._failures.append(error)
        finally:
            self._open.discard(peer.socket)
            peer.socket.close()


def always(reply: bytes) -> Callable[[Peer], None]:
    """Answers every request so."""
    def serve(peer: Peer) -> None:
        while peer.request():
            peer.send(reply)
    return serve


def once(reply: bytes) -> Callable[[Peer], None]:
    """Answers one request a connection so, then closes."""
    def serve(peer: Peer) -> None:
        if peer.request():
            peer.send(reply)
    return serve
