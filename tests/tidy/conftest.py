"""Builds small trees, and says what scripts/tidy says of them."""
import pathlib
import subprocess
import sys

import pytest

TIDY = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "tidy"

BASE_MODULE = "add_module(base SOURCES a.cc)\n"
HEADER_START = "// Immutable. A thing.\n#pragma once\n"


class Scratch:
    """A tree that starts with one clean module, `base`."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.write("base/CMakeLists.txt", BASE_MODULE)
        self.header("base/a.h")

    def write(self, path: str, text: str) -> "Scratch":
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return self

    def header(self, path: str, text: str = "") -> "Scratch":
        return self.write(path, HEADER_START + text)

    def module(self, path: str, *deps: str) -> "Scratch":
        words = f" DEPS {' '.join(deps)}" if deps else ""
        return self.write(f"{path}/CMakeLists.txt", f"add_module({path}\n  SOURCES x.cc{words})\n")

    def tidy(self, *options: str) -> list[str]:
        """The findings, one a line; the exit status must agree with them."""
        result = subprocess.run([sys.executable, TIDY, "--root", self.root, *options], text=True, capture_output=True,
                                check=False)
        if result.returncode == 0:
            assert result.stdout.startswith("tidy: ")
            return []
        assert result.returncode == 1, result.stderr
        return result.stdout.splitlines()


@pytest.fixture
def tree(tmp_path) -> Scratch:
    return Scratch(tmp_path)
