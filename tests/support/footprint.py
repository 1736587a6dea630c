"""What the program holds in memory while something happens."""
from __future__ import annotations

import pathlib
import threading

from weir_harness import Weir, program

_KIB = 1024
_SAMPLE_EVERY_S = 0.01


def instrumented() -> bool:
    code = pathlib.Path(program()).read_bytes()
    return b"__asan_init" in code or b"__tsan_init" in code


def resident(weir: Weir) -> int:
    """Bytes of the process that are in memory."""
    status = pathlib.Path(f"/proc/{weir.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) * _KIB


class Growth:
    """The most that the process has grown while a block ran."""

    def __init__(self, weir: Weir):
        self._weir = weir
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._before = resident(weir)
        self.most = 0

    def _sample(self) -> None:
        while not self._ended.wait(_SAMPLE_EVERY_S):
            self.most = max(self.most, resident(self._weir) - self._before)

    def __enter__(self) -> "Growth":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
