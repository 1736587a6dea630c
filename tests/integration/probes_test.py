"""Probes of a weir whose admin API is busy: they wait for no scrape, whoever builds it or takes it slowly."""
from __future__ import annotations

import selectors
import socket
from typing import Callable, Iterator

import pytest
from origin import Origin
from plans import one_version
from weir_harness import Weir

_SERVICES = 300
_CONNECTIONS = 64  # as many as the admin API has
_SCRAPERS = 20


@pytest.fixture(name="large")
def _large(origin: Callable[..., Origin], new_weir: Callable[..., Weir]) -> Weir:
    """A weir whose metrics are megabytes."""
    plan = one_version(origin("v1"))
    service = plan["services"]["chat"]
    return new_weir({**plan, "services": {f"chat{number}": service for number in range(_SERVICES)} | {"chat": service}}).start()


class Scrapes:
    """Clients that have asked for the metrics, each so often, and take nothing by themselves."""

    def __init__(self, weir: Weir, count: int, times: int = 1):
        self.sockets = []
        for _ in range(count):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", weir.admin.port))
            client.sendall(b"GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" * times)
            self.sockets.append(client)

    def begun(self) -> int:
        """How many of them have something of an answer."""
        with selectors.DefaultSelector() as selector:
            for client in self.sockets:
                selector.register(client, selectors.EVENT_READ)
            return len(selector.select(timeout=0))

    def close(self) -> None:
        for client in self.sockets:
            client.close()


@pytest.fixture(name="scrapes")
def _scrapes() -> Iterator[Callable[..., Scrapes]]:
    made: list[Scrapes] = []

    def make(weir: Weir, count: int, times: int = 1) -> Scrapes:
        made.append(Scrapes(weir, count, times))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("probe", ["/healthz", "/readyz"])
def test_a_probe_waits_for_no_scrape_that_is_built(probe: str, large: Weir, scrapes: Callable[..., Scrapes]) -> None:
    busy = scrapes(large, _SCRAPERS)
    assert large.admin.call("GET", probe)[0] == 200
    assert busy.begun() < _SCRAPERS / 2


def test_a_probe_finds_a_place_among_slow_readers(large: Weir, scrapes: Callable[..., Scrapes]) -> None:
    busy = scrapes(large, _CONNECTIONS, times=40)  # more than any socket buffer takes
    for client in busy.sockets:
        client.settimeout(30)
        assert client.recv(1) == b"H"
    for probe in ("/healthz", "/readyz"):
        assert large.admin.call("GET", probe)[0] == 200
