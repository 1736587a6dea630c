"""GCC 12 destroys some temporaries of a full expression that holds a co_await twice: the forms known to are refused."""
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


def check(tree: Tree) -> Iterator[Finding]:
    for source in tree.sources:
        if "co_await" not in source.code:
            continue
        for statement in Structure(source).statements:
            if re.search(r"\bco_await\b", statement.text(source.code)):
                yield from _check_statement(source, statement)
