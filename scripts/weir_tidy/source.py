"""The tree as the rules see it: files with their text, and C++ files with comments and literals blanked out."""
from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import re

PRODUCTION = ("base", "config", "flags", "proxy", "analysis", "app")
OTHER_CODE = ("tests", "bench", "examples")
OTHER_TEXT = ("cmake", "docs", "scripts", ".ci")
TEXT_SUFFIXES = (".h", ".cc", ".txt", ".cmake", ".json", ".py", ".sh", ".md", ".yaml", ".yml", ".html", ".js", ".css")

# Comments, raw strings, strings, and character literals; a digit separator (1'000) is none of them.
_BLANKED = re.compile(
    r"""//[^\n]*(?:\\\n[^\n]*)*
      | /\*.*?\*/
      | R"(?P<delimiter>[^\s()\\]{0,16})\(.*?\)(?P=delimiter)"
      | "(?:[^"\\\n]|\\.)*"
      | (?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+'
    """,
    re.DOTALL | re.VERBOSE,
)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def _blank(match: re.Match) -> str:
    body = match.group(0)
    keep_quotes = not body.startswith("/") and len(body) >= 2
    inner = re.sub(r"[^\n]", " ", body[1:-1] if keep_quotes else body)
    return '"' + inner + '"' if keep_quotes else inner


@dataclasses.dataclass(frozen=True)
class Source:
    """One file. `path` is relative to the root, with forward slashes."""

    path: str
    text: str

    @functools.cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @functools.cached_property
    def code(self) -> str:
        """The text without comments, literals and preprocessor lines; every offset and line is where it was."""
        without_literals = _BLANKED.sub(_blank, self.text)
        return _DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), without_literals)

    @property
    def is_header(self) -> bool:
        return self.path.endswith(".h")

    @property
    def is_production(self) -> bool:
        return self.path.split("/", 1)[0] in PRODUCTION

    def line_at(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1

    def at(self, offset: int, message: str) -> Finding:
        return Finding(self.path, self.line_at(offset), message)

    def on_line(self, line: int, message: str) -> Finding:
        return Finding(self.path, line, message)


@dataclasses.dataclass(frozen=True)
class Tree:
    root: pathlib.Path
    files: tuple[Source, ...]

    @functools.cached_property
    def sources(self) -> tuple[Source, ...]:
        """All C++ files: production, tests, benchmarks, examples."""
        return tuple(file for file in self.files if file.path.endswith((".h", ".cc")))

    @functools.cached_property
    def production(self) -> tuple[Source, ...]:
        return tuple(source for source in self.sources if source.is_production)


_NOT_OURS = ("__pycache__", "node_modules")


def _text_paths(root: pathlib.Path):
    yield from (path for path in root.iterdir() if path.is_file())
    for top in PRODUCTION + OTHER_CODE + OTHER_TEXT:
        for folder, folders, names in os.walk(root / top):
            folders[:] = [name for name in folders if name not in _NOT_OURS and not name.startswith(".")]
            yield from (pathlib.Path(folder, name) for name in names)


def _is_text(path: pathlib.Path) -> bool:
    return path.suffix in TEXT_SUFFIXES or (path.suffix == "" and path.parent.name in ("scripts", ".ci"))


def read_tree(root: pathlib.Path) -> Tree:
    files = []
    for path in sorted(_text_paths(root)):
        if _is_text(path) and not path.is_symlink():
            files.append(Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")))
    return Tree(root, tuple(files))
