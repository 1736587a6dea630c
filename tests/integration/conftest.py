"""Fixtures: weirs and origins that end with their test, whatever becomes of it."""
from __future__ import annotations

import pathlib
from typing import Any, Callable, Iterator

import pytest
from origin import Nginx, Origin
from plans import Plan
from webhook_receiver import Receiver
from weir_harness import Weir


@pytest.fixture
def origin() -> Iterator[Callable[..., Origin]]:
    """Starts an origin: origin("v1", delay_ms=5)."""
    started: list[Origin] = []

    def start(name: str = "v1", **behaviour: Any) -> Origin:
        started.append(Origin(name, **behaviour))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def nginx(tmp_path: pathlib.Path) -> Iterator[Nginx]:
    server = Nginx(tmp_path / "nginx")
    yield server
    server.stop()


@pytest.fixture
def new_weir(tmp_path: pathlib.Path) -> Iterator[Callable[..., Weir]]:
    """Makes a weir that has not been started yet; it is ended in order, and its log checked, after the test."""
    made: list[Weir] = []

    def make(plan: Plan, token: str = "") -> Weir:
        directory = tmp_path / f"weir{len(made)}"
        directory.mkdir()
        made.append(Weir(plan, directory, token))
        return made[-1]

    yield make
    failures = []
    for one in made:
        try:
            one.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.fixture
def weir(new_weir: Callable[..., Weir]) -> Callable[..., Weir]:
    """Starts a weir on a plan and waits until it is ready."""
    def start(plan: Plan, token: str = "") -> Weir:
        return new_weir(plan, token).start()

    return start


@pytest.fixture
def receiver() -> Iterator[Callable[..., Receiver]]:
    """Starts a receiver of webhooks: receiver("503 Busy", "200 OK")."""
    made: list[Receiver] = []

    def make(*answers: str, **origin: Any) -> Receiver:
        made.append(Receiver(*answers, **origin))
        return made[-1]

    yield make
    for one in made:
        one.origin.stop()
