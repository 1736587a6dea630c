"""A weir and an origin for as long as a block lasts: for modules whose tests share one and look at differences only."""
from __future__ import annotations

import contextlib
import pathlib
from typing import Any, Iterator

from origin import Origin
from plans import Plan
from weir_harness import Weir


@contextlib.contextmanager
def running_weir(plan: Plan, directory: pathlib.Path) -> Iterator[Weir]:
    weir = Weir(plan, directory)
    try:
        yield weir.start()
    finally:
        weir.stop()


@contextlib.contextmanager
def running_origin(name: str = "v1", **behaviour: Any) -> Iterator[Origin]:
    origin = Origin(name, **behaviour)
    try:
        yield origin
    finally:
        origin.stop()
