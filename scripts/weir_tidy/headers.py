"""A header is a contract: its first line says who may use it from where, and it compiles alone."""
from __future__ import annotations

import concurrent.futures
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator

from weir_tidy.source import Finding, Source, Tree

_CONTRACT = re.compile(r"//.*\b(?:immutable|thread-safe|confined to|pure functions?|written by one)\b", re.IGNORECASE)
_QUOTED_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)
_PUBLIC_DEFINITIONS = re.compile(r"target_compile_definitions\(\s*weir_\w+\s+PUBLIC\s+([^)]*)\)")
_WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
_PARALLEL = 2
_CACHE = "build/tidy/headers.json"


def check_first_line(tree: Tree) -> Iterator[Finding]:
    for source in tree.sources:
        if not source.is_header:
            continue
        if source.is_production and not _CONTRACT.match(source.text):
            yield source.on_line(1, "the first line says none of: Immutable, Thread-safe, Confined to one "
                                    "worker/thread, Pure functions")
        if "#pragma once" not in source.lines:
            yield source.on_line(1, "no #pragma once")


def _flags(tree: Tree) -> tuple[str, ...]:
    definitions = []
    for file in tree.files:
        if file.path.endswith("CMakeLists.txt"):
            for match in _PUBLIC_DEFINITIONS.finditer(file.text):
                definitions += [f"-D{name}" for name in match.group(1).split()]
    return ("-std=c++20", "-fsyntax-only", "-I.", *_WARNINGS, *sorted(definitions))


def _content_hash(header: Source, by_path: dict[str, Source], flags: tuple[str, ...]) -> str:
    """Of the header, all of ours that it includes, and the flags."""
    digest, seen, pending = hashlib.sha256(" ".join(flags).encode()), set(), [header.path]
    while pending:
        path = pending.pop()
        if path in seen or path not in by_path:
            continue
        seen.add(path)
        digest.update(path.encode() + b"\0" + by_path[path].text.encode())
        pending += sorted(_QUOTED_INCLUDE.findall(by_path[path].text))
    return digest.hexdigest()


def _compile(tree: Tree, header: Source, flags: tuple[str, ...]) -> Finding | None:
    result = subprocess.run(["g++", *flags, "-x", "c++", "-"], input=f'#include "{header.path}"\n', text=True,
                            cwd=tree.root, capture_output=True, check=False)
    if result.returncode == 0:
        return None
    lines = result.stderr.splitlines()
    first_error = next((line for line in lines if "error:" in line), lines[0] if lines else "")
    return header.on_line(1, f"does not compile alone: {first_error}")


def check_self_contained(tree: Tree) -> Iterator[Finding]:
    cache_path = tree.root / _CACHE
    known = set(json.loads(cache_path.read_text())) if cache_path.exists() else set()
    flags, by_path = _flags(tree), {source.path: source for source in tree.sources}
    hashes = {source: _content_hash(source, by_path, flags) for source in tree.sources if source.is_header}
    pending = [header for header, digest in hashes.items() if digest not in known]
    with concurrent.futures.ThreadPoolExecutor(_PARALLEL) as pool:
        findings = dict(zip(pending, pool.map(lambda header: _compile(tree, header, flags), pending)))
    good = sorted(digest for header, digest in hashes.items() if findings.get(header) is None)
    cache_path.parent.mkdir(parents=True, exist_ok=True)
    cache_path.write_text(json.dumps(good))
    yield from (finding for finding in findings.values() if finding is not None)
