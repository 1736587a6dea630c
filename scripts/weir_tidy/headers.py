"""A header is a contract: its first line says who may use it from where, and it compiles alone: by -fsyntax-only, unless
the file of its name includes it first, so that the build proves it."""
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
_ANY_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]+(\S+)", re.MULTILINE)
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


def _compiled_first(header: Source, by_path: dict[str, Source]) -> bool:
    """Whether a file of the same name includes it before anything else: building that compiles the header alone."""
    body = by_path.get(header.path.removesuffix(".h") + ".cc")
    first = _ANY_INCLUDE.search(body.text) if body else None
    return first is not None and first.group(1) == f'"{header.path}"'


def check_self_contained(tree: Tree) -> Iterator[Finding]:
    cache_path = tree.root / _CACHE
    known = set(json.loads(cache_path.read_text())) if cache_path.exists() else set()
    flags, by_path = _flags(tree), {source.path: source for source in tree.sources}
    alone = [source for source in tree.sources if source.is_header and not _compiled_first(source, by_path)]
    hashes = {header: _content_hash(header, by_path, flags) for header in alone}
    pending = [header for header, digest in hashes.items() if digest not in known]
    with concurrent.futures.ThreadPoolExecutor(_PARALLEL) as pool:
        findings = dict(zip(pending, pool.map(lambda header: _compile(tree, header, flags), pending)))
    good = sorted(digest for header, digest in hashes.items() if findings.get(header) is None)
    cache_path.parent.mkdir(parents=True, exist_ok=True)
    cache_path.write_text(json.dumps(good))
    yield from (finding for finding in findings.values() if finding is not None)
