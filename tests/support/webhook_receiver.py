"""Whoever a webhook tells: takes the events, and answers as a test wants."""
from __future__ import annotations

import dataclasses
import json
import threading
from typing import Any

from polling import wait_until
from raw_origin import Peer, RawOrigin


@dataclasses.dataclass
class Delivery:
    head: bytes
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    def field(self, name: str) -> str:
        for line in self.head.decode().split("\r\n")[1:]:
            key, _, value = line.partition(": ")
            if key == name:
                return value
        return ""


class Receiver:
    """Takes what a webhook is told, and answers with `answers`, the last one over and over. While `hangs` is set it
    answers nobody. Each answer has `body`."""

    def __init__(self, *answers: str, body: bytes = b"", **origin: Any):
        self.body = body
        self.answers = list(answers) or ["200 OK" if body else "204 No Content"]
        self.hangs = threading.Event()
        self.deliveries: list[Delivery] = []
        self._origin_arguments = origin
        self.origin = RawOrigin(self._serve, **origin)

    def _serve(self, peer: Peer) -> None:
        came = peer.request_with_body()
        if came is None:
            return
        self.deliveries.append(Delivery(*came))
        if self.hangs.is_set():
            peer.socket.settimeout(None)
            return peer.wait_for_close()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        peer.send(f"HTTP/1.1 {answer}\r\ncontent-length: {len(self.body)}\r\n\r\n".encode() + self.body)

    def url(self, host: str = "127.0.0.1", scheme: str = "http", path: str = "/hook") -> str:
        return f"{scheme}://{host}:{self.origin.port}{path}"

    def events(self) -> list[str]:
        """Each once, in the order in which they first came."""
        return [event["event"] for event in {delivery.event["id"]: delivery.event for delivery in self.deliveries}.values()]

    def wait_for(self, *events: str) -> None:
        wait_until(lambda: self.events() == list(events), f"the events {events}", timeout_s=30)

    def wait_for_deliveries(self, count: int) -> list[Delivery]:
        wait_until(lambda: len(self.deliveries) >= count, f"{count} deliveries", timeout_s=60)
        return self.deliveries
