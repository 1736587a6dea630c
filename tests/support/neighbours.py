"""Many clients that pipeline requests with bodies of many sizes; each answer says which bytes its origin has received."""
from __future__ import annotations

import hashlib
import random
import threading
from typing import Callable

from http_client import Connection, request_bytes
from raw_origin import Peer

_BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"
_SIZES = (0, 1, 500, 3000, 5000, 40_000, 70_000)
_SHOWN = 3000
_CLIENTS = 6
_ROUNDS = 12
_PIPELINED = 4


def says_what_it_got(failures: float = 0, seed: int = 7) -> Callable[[Peer], None]:
    """An origin's script. That share of its requests fails, in every way."""
    chance = random.Random(seed)
    lock = threading.Lock()

    def serve(peer: Peer) -> None:
        while request := peer.request_with_body():
            with lock:
                draw, way = chance.random(), chance.random()
            if draw >= failures:
                answer = _answer(request[0].split(b" ")[1], request[1])
                peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(answer), answer))
            elif way < 0.4:
                peer.send(_BUSY)
            elif way < 0.7:
                return peer.reset()
            elif way < 0.85:
                return
            else:
                return peer.send(b"HTTP/1.1 2")
    return serve


def _answer(target: bytes, body: bytes) -> bytes:
    return b" ".join((target, hashlib.sha256(body).hexdigest().encode(), body[:_SHOWN]))


class Neighbours:
    """Asks everything at once. `mixed`: targets whose answer was not made of their own bytes."""

    def __init__(self, port: int, fields: Callable[[int], dict[str, str]] = lambda client: {}):
        self.mixed: list[str] = []
        self.statuses: list[int] = []
        self._port = port
        self._fields = fields
        threads = [threading.Thread(target=self._client, args=(number,)) for number in range(_CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _client(self, number: int) -> None:
        chance = random.Random(number)
        for turn in range(_ROUNDS):
            with Connection(self._port, timeout_s=60) as connection:
                asked = [self._draw(chance, f"/{number}/{turn}/{i}") for i in range(_PIPELINED)]
                connection.send(b"".join(request_bytes(method, target, self._fields(number), body)
                                         for method, target, body in asked))
                for method, target, body in asked:
                    reply = connection.reply(to=method)
                    self.statuses.append(reply.status)
                    if reply.status == 200 and reply.body != _answer(target.encode(), body):
                        self.mixed.append(target)
                    if not reply.keeps_open():
                        break

    @staticmethod
    def _draw(chance: random.Random, target: str) -> tuple[str, str, bytes]:
        size = chance.choice(_SIZES)
        body = chance.randbytes(1) * size
        return chance.choice(["POST", "PUT", "GET"] if size == 0 else ["POST", "PUT"]), target, body
