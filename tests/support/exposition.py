"""Reads what /metrics says."""
from __future__ import annotations

import re

_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class Exposition:
    def __init__(self, text: str):
        self.samples: list[tuple[str, dict[str, str], float]] = []
        self.types: dict[str, str] = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.types[name] = kind
            elif line and not line.startswith("#"):
                sample = _SAMPLE.match(line)
                assert sample, line
                self.samples.append((sample[1], dict(_LABEL.findall(sample[2] or "")), float(sample[3])))

    def total(self, name: str, **labels: str) -> float:
        """The sum of the family's samples that have these labels; 0 when there is none."""
        return sum(value for found, own, value in self.samples if found == name and labels.items() <= own.items())

    def labels(self, name: str, label: str) -> set[str]:
        return {own[label] for found, own, _ in self.samples if found == name}

    def __contains__(self, name: str) -> bool:
        return any(found == name for found, _, _ in self.samples)
