"""A DNS server on loopback that answers what a test tells it to. UDP alone."""
from __future__ import annotations

import dataclasses
import ipaddress
import socket
import struct
import threading
import types

_A, _AAAA = 1, 28
_NO_SUCH_NAME = 3


@dataclasses.dataclass
class _Answer:
    addresses: list[str]
    ttl_s: int


class DnsServer:
    """Names that it has not been told of do not exist."""

    def __init__(self) -> None:
        self._answers: dict[str, _Answer] = {}
        self.silent = False
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> "DnsServer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: types.TracebackType | None) -> None:
        self._stopped = True
        self._socket.sendto(b"", self._socket.getsockname())  # its thread would not notice a close()
        self._thread.join()
        self._socket.close()

    def set(self, name: str, *addresses: str, ttl_s: int = 0) -> None:
        """No address: the name is there, and has none."""
        self._answers[name] = _Answer(list(addresses), ttl_s)

    def _run(self) -> None:
        while not self._stopped:
            query, client = self._socket.recvfrom(4096)
            if len(query) > 16 and (response := self._response(query)):
                self._socket.sendto(response, client)

    def _response(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1: at + 1 + query[at]].decode())
            at += 1 + query[at]
        name = ".".join(labels)
        kind, = struct.unpack_from("!H", query, at + 1)
        self.asked.append(name)
        if self.silent:
            return b""
        answer = self._answers.get(name)
        addresses = [ipaddress.ip_address(address) for address in answer.addresses] if answer else []
        data = [address.packed for address in addresses if kind == {4: _A, 6: _AAAA}[address.version]]
        code = 0 if answer else _NO_SUCH_NAME
        records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, answer.ttl_s, len(one)) + one for one in data)
        head = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(data), 0, 0)
        return head + query[12: at + 5] + records
