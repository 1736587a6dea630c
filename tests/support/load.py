"""Starts and stops steady traffic: load_generator.py in a process of its own."""
from __future__ import annotations

import json
import types
from typing import Any

from line_process import LineProcess


class Load:
    """Runs from its construction on; fields of load_generator.Traffic."""

    def __init__(self, port: int, **traffic: Any):
        self._process = LineProcess("load_generator.py", json.dumps({"port": port, **traffic}))

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()

    def tally(self) -> types.SimpleNamespace:
        """load_generator.Tally, so far."""
        return self._process.ask()

    def stop(self) -> types.SimpleNamespace:
        """Begins nothing new, lets end what has begun, and returns the last tally."""
        self._process.end_input()
        return self._process.read()
