"""Sizes that keep the tree readable: files, functions, parameters."""
from __future__ import annotations

import functools
import statistics
from collections.abc import Iterator

from weir_tidy.source import Finding, Source, Tree
from weir_tidy.structure import Structure

FILE_LINES = 600
FILE_LINES_MEDIAN = 120
FUNCTION_LINES = 70
FUNCTION_LINES_P95 = 40
PARAMETERS = 4


@functools.cache
def _function_sizes(source: Source) -> list[tuple[int, str, int, int]]:
    """(first line, name, lines, parameters) of each function with a body."""
    sizes = []
    for function in Structure(source).functions:
        first, last = source.line_at(function.begin), source.line_at(function.end)
        sizes.append((first, function.name, last - first + 1, function.parameters))
    return sizes


def _p95(sizes: list[int]) -> int:
    return sorted(sizes)[max(0, -(-95 * len(sizes) // 100) - 1)] if sizes else 0


def _measures(tree: Tree) -> tuple[int, int]:
    """(median lines of a file, p95 lines of a function), of the program alone."""
    files = [len(source.lines) for source in tree.production]
    functions = [size for source in tree.production for _, _, size, _ in _function_sizes(source)]
    return (int(statistics.median(files)) if files else 0), _p95(functions)


def summary(tree: Tree) -> str:
    median, p95 = _measures(tree)
    return f"median file {median} lines (at most {FILE_LINES_MEDIAN}), p95 function {p95} (at most {FUNCTION_LINES_P95})"


def check(tree: Tree) -> Iterator[Finding]:
    for source in tree.sources:
        if len(source.lines) > FILE_LINES:
            yield source.on_line(FILE_LINES + 1, f"file of {len(source.lines)} lines; at most {FILE_LINES}")
        for first, name, lines, parameters in _function_sizes(source):
            if lines > FUNCTION_LINES:
                yield source.on_line(first, f"function {name} of {lines} lines; at most {FUNCTION_LINES}")
            if parameters > PARAMETERS:
                yield source.on_line(first, f"function {name} takes {parameters} parameters; at most {PARAMETERS}")
    median, p95 = _measures(tree)
    if median > FILE_LINES_MEDIAN:
        yield Finding(".", 1, f"the median file has {median} lines; at most {FILE_LINES_MEDIAN}")
    if p95 > FUNCTION_LINES_P95:
        yield Finding(".", 1, f"one function in twenty is longer than {p95 - 1} lines; at most {FUNCTION_LINES_P95}")
