"""Free ports, no two of them given out at once on this machine: a weir shares its port silently (SO_REUSEPORT)."""
from __future__ import annotations

import contextlib
import os
import random
import socket
from typing import Iterator

# Below the range from which Linux takes ports for outgoing connections.
_FIRST, _LAST = 18_000, 32_000
_random = random.Random(os.getpid())
_held: list[socket.socket] = []


def free_port() -> int:
    while True:
        port = _random.randint(_FIRST, _LAST)
        claim = socket.socket(socket.AF_UNIX)
        try:
            # Held until this process ends; the abstract namespace knows no stale files.
            claim.bind(f"\0weir-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _held.append(claim)
        return port


@contextlib.contextmanager
def unanswering_port() -> Iterator[int]:
    """A port whose queue of connections is full: the kernel answers no further handshake."""
    with socket.create_server(("127.0.0.1", free_port()), backlog=0) as listener, contextlib.ExitStack() as held:
        address = listener.getsockname()
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        yield address[1]
