"""A blocking HTTP/1 client that sends exactly the bytes it is given and reads replies strictly."""
from __future__ import annotations

import dataclasses
import json
import pathlib
import socket
import ssl
from typing import Any

_BLOCK = 256 * 1024


class Truncated(Exception):
    """The connection ended inside a message."""


class Malformed(Exception):
    """What came is no HTTP/1 response."""


@dataclasses.dataclass
class Reply:
    version: str
    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    interim: list["Reply"] = dataclasses.field(default_factory=list)

    def __getitem__(self, name: str) -> str | None:
        """The field's value; several lines are joined."""
        values = [value for key, value in self.fields if key == name.lower()]
        return ", ".join(values) if values else None

    def json(self) -> Any:
        return json.loads(self.body)

    def keeps_open(self) -> bool:
        tokens = [token.strip().lower() for token in (self["connection"] or "").split(",")]
        return "close" not in tokens and (self.version == "HTTP/1.1" or "keep-alive" in tokens)


class Connection:
    """To a port of loopback, or to a Unix socket; through TLS when a context and the name to ask for are given."""

    def __init__(self, to: int | pathlib.Path, timeout_s: float = 15.0, receive_buffer: int | None = None,
                 tls: tuple[ssl.SSLContext, str] | None = None):
        local = isinstance(to, pathlib.Path)
        self.socket = socket.socket(socket.AF_UNIX if local else socket.AF_INET)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout_s)
        self.socket.connect(str(to) if local else ("127.0.0.1", to))
        if not local:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls[0].wrap_socket(self.socket, server_hostname=tls[1], suppress_ragged_eofs=False)
        self._unread = bytearray()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Closes so that the peer sees a reset, not an orderly end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, method: str, target: str, fields: dict[str, str] | None = None, body: bytes = b"") -> Reply:
        """Sends an ordinary request and reads its reply."""
        self.send(request_bytes(method, target, fields, body))
        return self.reply(to=method)

    def reply(self, to: str = "GET") -> Reply:
        """Reads one final reply, with the 1xx before it."""
        interim: list[Reply] = []
        while True:
            head = self._head()
            if head.status >= 200:
                break
            interim.append(head)
        head.interim = interim
        self._body(head, to)
        return head

    def head(self) -> Reply:
        """Reads one head alone, be it interim."""
        return self._head()

    def read_some(self) -> bytes:
        """What has come or comes next; empty at the end."""
        if self._unread:
            data = bytes(self._unread)
            self._unread.clear()
            return data
        return self.socket.recv(_BLOCK)

    def drop_unread(self) -> int:
        """How much has been received and not been asked for; it is forgotten, and the socket may be read directly."""
        size = len(self._unread)
        self._unread.clear()
        return size

    def at_end(self) -> bool:
        """Whether the peer closes, having sent nothing more. A reset is one too."""
        try:
            return self.read_some() == b""
        except ConnectionResetError:
            return True

    def _fill(self) -> None:
        data = self.socket.recv(_BLOCK)
        if not data:
            raise Truncated(bytes(self._unread[:200]))
        self._unread += data

    def _line(self) -> str:
        while (end := self._unread.find(b"\r\n")) < 0:
            self._fill()
        line = bytes(self._unread[:end])
        del self._unread[: end + 2]
        if b"\n" in line or b"\r" in line:
            raise Malformed(f"bare line end in {line!r}")
        return line.decode("latin-1")

    def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._fill()
        data = bytes(self._unread[:size])
        del self._unread[:size]
        return data

    def _fields(self) -> list[tuple[str, str]]:
        fields = []
        while line := self._line():
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise Malformed(f"field line {line!r}")
            fields.append((name.lower(), value.strip()))
        return fields

    def _head(self) -> Reply:
        version, _, rest = self._line().partition(" ")
        status, _, reason = rest.partition(" ")
        if version not in ("HTTP/1.0", "HTTP/1.1") or len(status) != 3 or not status.isdigit():
            raise Malformed(f"status line {version} {rest!r}")
        return Reply(version, int(status), reason, self._fields())

    def _body(self, head: Reply, to: str) -> None:
        if to == "HEAD" or head.status in (204, 304):
            return
        coding, length = head["transfer-encoding"], head["content-length"]
        if coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise Malformed(f"transfer-encoding {coding!r} with content-length {length!r}")
            self._chunks(head)
        elif length is not None:
            head.body = self._exactly(int(length))
        else:
            parts = [bytes(self._unread)]
            self._unread.clear()
            while data := self.socket.recv(_BLOCK):
                parts.append(data)
            head.body = b"".join(parts)

    def _chunks(self, head: Reply) -> None:
        parts = []
        while size := int(self._line().partition(";")[0], 16):
            parts.append(self._exactly(size))
            if self._line():
                raise Malformed("chunk longer than its size")
        head.body = b"".join(parts)
        head.trailers = self._fields()


def request_bytes(method: str, target: str, fields: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    lines = {"Host": "weir.test", **(fields or {})}
    if body and "Transfer-Encoding" not in lines:
        lines["Content-Length"] = str(len(body))
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return head.encode("latin-1") + b"\r\n" + body


def chunked(*parts: bytes, trailers: bytes = b"") -> bytes:
    """The parts as chunks, ended."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailers + b"\r\n"


def get(port: int, target: str = "/", fields: dict[str, str] | None = None) -> Reply:
    """One GET on a connection of its own."""
    with Connection(port) as connection:
        return connection.request("GET", target, {"Connection": "close", **(fields or {})})


def post(port: int, target: str, body: bytes, fields: dict[str, str] | None = None) -> Reply:
    with Connection(port) as connection:
        return connection.request("POST", target, fields, body)
