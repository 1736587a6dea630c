"""A library of functions that take the place of libc's in one program."""
from __future__ import annotations

import os
import pathlib
import subprocess


def preloaded(name: str, source: str, directory: pathlib.Path) -> dict[str, str]:
    """Builds it from C++; the environment for weir_harness.Weir.start(). AddressSanitizer would rather be loaded first."""
    file, library = directory / f"{name}.cc", directory / f"{name}.so"
    file.write_text(source)
    subprocess.run(["g++", "-std=c++20", "-O1", "-shared", "-fPIC", "-o", str(library), str(file)], check=True)
    options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    return {"LD_PRELOAD": str(library), "ASAN_OPTIONS": options}
