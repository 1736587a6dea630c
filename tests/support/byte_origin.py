"""An origin that keeps every byte it is sent, request by request, and answers as it is told."""
from __future__ import annotations

import re
import threading

from raw_origin import Peer, RawOrigin

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class ByteOrigin(RawOrigin):
    """`requests` are whole ones, byte by byte as they came; `answer` may be changed between two."""

    def __init__(self, answer: bytes = OK) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.came = threading.Condition()
        super().__init__(self._serve_requests)

    def _serve_requests(self, peer: Peer) -> None:
        data = b""
        while block := peer.socket.recv(65536):
            data += block
            size = _whole(data)
            if size == 0:
                continue
            with self.came:
                self.requests.append(data[:size])
                self.came.notify_all()
            data = data[size:]
            peer.send(self.answer)
            if b"connection: close" in self.answer.lower():
                return


def _whole(data: bytes) -> int:
    """The length of the request at the front of `data`; 0: it is not whole yet."""
    head = data.find(b"\r\n\r\n") + 4
    if head < 4:
        return 0
    fields = data[:head].lower()
    if length := re.search(rb"\r\ncontent-length: (\d+)\r\n", fields):
        size = head + int(length[1])
        return size if len(data) >= size else 0
    if b"\r\ntransfer-encoding: chunked\r\n" in fields:
        # The bodies of these tests hold no such bytes. An empty one follows the head's own end.
        end = re.compile(rb"\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n").search(data, head - 2)
        return end.end() if end else 0
    return head
