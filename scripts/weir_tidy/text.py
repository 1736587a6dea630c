"""What is plain to see in the text: blanks, width, leftovers, and names that say nothing."""
from __future__ import annotations

import re
from collections.abc import Iterator

from weir_tidy.source import Finding, Source, Tree

# 120 is what we write to; the rest is grace for a word that would stand alone on its line.
_COLUMNS = 128
_LEFTOVER = re.compile(r"\b(?:TO" r"DO|FIX" r"ME)\b")
_EMPTY_NAME = re.compile(r"\b(?:class|struct)\s+(\w*(?:Manager|Helper|Helpers|Utils?|Impl|Common))\b")
_EMPTY_FILE_NAME = re.compile(r"(?:^|_)(?:manager|helpers?|utils?|impl|common)\.(?:h|cc)$")


def _check_cpp(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.lines, 1):
        if len(line) > _COLUMNS:
            yield source.on_line(number, f"line of {len(line)} columns; at most {_COLUMNS}")
    for match in _EMPTY_NAME.finditer(source.code):
        yield source.at(match.start(), f"{match.group(1)} says nothing; name what it is")
    if _EMPTY_FILE_NAME.search(source.path.rpartition("/")[2]):
        yield source.on_line(1, "the file's name says nothing; name what it holds")


def check(tree: Tree) -> Iterator[Finding]:
    for file in tree.files:
        for number, line in enumerate(file.lines, 1):
            if "\t" in line:
                yield file.on_line(number, "tab")
            if line != line.rstrip():
                yield file.on_line(number, "trailing space")
            if _LEFTOVER.search(line):
                yield file.on_line(number, "leftover note; finish it or file an issue")
        if file.text and not file.text.endswith("\n"):
            yield file.on_line(len(file.lines), "no newline at the end of the file")
    for source in tree.sources:
        yield from _check_cpp(source)
