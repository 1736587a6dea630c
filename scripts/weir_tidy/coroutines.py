"""GCC 12 destroys some temporaries of a full expression that holds a co_await twice: the forms known to are refused.

So is a co_await in a condition: where the coroutine declares nothing, in no scope of its body, GCC 12.2 compiles that to a
body that does not run at all.
"""
from __future__ import annotations

import re
from collections.abc import Iterator

from weir_tidy.source import Finding, Source, Tree
from weir_tidy.structure import Statement, Structure

_ADVICE = "in a statement with co_await; name the value on the line before"


def _check_statement(source: Source, statement: Statement) -> Iterator[Finding]:
    for offset in statement.initialisers:
        yield source.at(offset, f"brace-initialised value {_ADVICE}")
    for begin, end in statement.lambdas:
        if source.code[begin + 1:end].strip():
            yield source.at(begin, f"capturing lambda {_ADVICE}")
    for begin, end in statement.pieces:
        for match in re.finditer(r"\?|\binitializer_list\b", source.code[begin:end]):
            what = "?:" if match.group(0) == "?" else "initializer_list"
            yield source.at(begin + match.start(), f"{what} {_ADVICE}")


def _check_conditions(source: Source) -> Iterator[Finding]:
    for match in re.finditer(r"\b(?:if|while|switch) \(", source.code):
        depth, end = 1, match.end()
        while depth > 0 and end < len(source.code):
            depth += {"(": 1, ")": -1}.get(source.code[end], 0)
            end += 1
        condition = source.code[match.end():end]
        declares = re.search(r"[^=!<>]=[^=]", condition)
        if re.search(r"\bco_await\b", condition) and not declares:
            yield source.at(match.start(), "co_await in a condition; name the value on the line before")


def check(tree: Tree) -> Iterator[Finding]:
    for source in tree.sources:
        if "co_await" not in source.code:
            continue
        yield from _check_conditions(source)
        for statement in Structure(source).statements:
            if re.search(r"\bco_await\b", statement.text(source.code)):
                yield from _check_statement(source, statement)
