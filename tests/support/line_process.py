"""A Python program of this folder as a process that answers each line on its standard input by a line of JSON."""
from __future__ import annotations

import json
import pathlib
import select
import subprocess
import sys
import types

_FOLDER = pathlib.Path(__file__).parent
_TIMEOUT_S = 30


class LineProcess:
    def __init__(self, program: str, *arguments: str):
        self._name = program
        # Unbuffered, so that what select() says of the pipe is true of the stream.
        self._process = subprocess.Popen([sys.executable, str(_FOLDER / program), *arguments], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, bufsize=0)

    def ask(self, line: str = "") -> types.SimpleNamespace:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        return self.read()

    def end_input(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def read(self) -> types.SimpleNamespace:
        assert self._process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], _TIMEOUT_S)
            assert ready, f"{self._name} says nothing for {_TIMEOUT_S} s"
            piece = self._process.stdout.read(1 << 20)
            assert piece, f"{self._name} has ended with {self._process.wait()}"
            line += piece
        return types.SimpleNamespace(**json.loads(line))

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
