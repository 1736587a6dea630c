"""A pragmatic reading of C++: the statements of a file, and its functions, by matching brackets.

No grammar: a `{` is told to open a block, a lambda's body or an initialiser by what stands before it. Good enough for
code in one house style, and quick.
"""
from __future__ import annotations

import dataclasses
import re

from weir_tidy.source import Source

_TOKEN = re.compile(r"[(){}\[\];]")
_ACCESS = re.compile(r"^\s*(?:(?:public|private|protected)\s*:\s*)*")
_SCOPE_HEAD = re.compile(
    r"^\s*(?:template\s*<.*>\s*)?(?:(?:inline|typedef|static|export|extern|const|constexpr)\s+)*"
    r"(?:class|struct|union|enum|namespace)\b[^=(]*(?:alignas\s*\([^)]*\)[^=(]*)?$|^\s*extern\s+\"[^\"]*\"\s*$",
    re.DOTALL)
_BLOCK_WORDS = {"else", "do", "try", "const", "noexcept", "override", "final", "mutable", "namespace", "requires"}
# What may stand between a parameter list and a body.
_TAIL = r"(?:\s*(?:const|volatile|noexcept|override|final|mutable|try|constexpr|&&?))*\s*"
_TRAILING_RETURN = re.compile(r"[)\]]" + _TAIL + r"->[^;={}]*$")
_FUNCTION_TAIL = re.compile(_TAIL + r"(?:noexcept\s*\(.*?\)\s*)?(?:->.*)?(?:requires\b.*)?(?::(?!:).*)?$", re.DOTALL)


@dataclasses.dataclass
class Statement:
    """Its own text only: what stands in a nested block (a lambda's body, say) is statements of their own."""

    start: int
    pieces: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    initialisers: list[int] = dataclasses.field(default_factory=list)
    lambdas: list[tuple[int, int]] = dataclasses.field(default_factory=list)

    def text(self, code: str) -> str:
        return " ".join(code[begin:end] for begin, end in self.pieces)


@dataclasses.dataclass(frozen=True)
class Function:
    name: str
    parameters: int
    begin: int
    end: int


@dataclasses.dataclass
class _Open:
    """A bracket not yet closed. For a block: the statement to go on with when it closes, None if that ends it."""

    kind: str  # "(", "[", "init", "block", "scope", "function"
    offset: int
    outer: Statement | None = None
    head: str = ""
    ends_statement: bool = True


def _matching(text: str, close: int) -> int:
    """The offset of the bracket that text[close] closes, or -1."""
    pairs = {")": "(", "]": "[", "}": "{"}
    want, depth = pairs[text[close]], 0
    for offset in range(close, -1, -1):
        if text[offset] == text[close]:
            depth += 1
        elif text[offset] == want:
            depth -= 1
            if depth == 0:
                return offset
    return -1


_LONGEST_TAIL = 200  # characters; to look for one in all of a long initialiser would take most of the time


def _is_lambda_head(before: str) -> bool:
    cut = max(0, len(before) - _LONGEST_TAIL)
    before = (before[:cut] + re.sub(_TAIL + r"(?:->[^;={}]*)?$", "", before[cut:])).rstrip()
    if before.endswith(")"):
        opening = _matching(before, len(before) - 1)
        before = before[:opening].rstrip() if opening > 0 else ""
    return before.endswith("]") and not before.endswith("]]")


def _opens_block(before: str) -> bool:
    """Does a `{` after this statement text open a block, rather than an initialiser?"""
    stripped = before.rstrip()
    if not stripped or stripped[-1] in "){;:\"":
        return not stripped.endswith("::")
    if _SCOPE_HEAD.match(_ACCESS.sub("", before)) or _is_lambda_head(before) or _TRAILING_RETURN.search(stripped):
        return True
    word = re.search(r"[A-Za-z_]\w*$", stripped)
    if word:
        return word.group(0) in _BLOCK_WORDS
    # After `}`: a constructor's body after its last braced member, else the next block of this one.
    return stripped[-1] == "}"


def _count_parameters(text: str) -> int:
    text = text.strip()
    if text in ("", "void"):
        return 0
    depth, count = 0, 1
    for offset, char in enumerate(text):
        if char in "([{<":
            depth += 1
        elif char in ")]}" or (char == ">" and text[offset - 1] != "-"):
            depth -= 1
        elif char == "," and depth == 0:
            count += 1
    return count


def _signature(head: str) -> tuple[str, int]:
    """(name, number of parameters) of a function's head: the first bracket pair after which only a tail follows."""
    depth, opening = 0, -1
    for offset, char in enumerate(head):
        if char == "(":
            if depth == 0:
                opening = offset
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0 and _FUNCTION_TAIL.fullmatch(head, offset + 1):
                name = re.search(r"(operator\s*\S+|~?[A-Za-z_]\w*)\s*$", head[:opening])
                if name:
                    return name.group(1), _count_parameters(head[opening + 1:offset])
    return "", 0


class Structure:
    """All statements and functions of one file."""

    def __init__(self, source: Source):
        self._code = source.code
        self._stack: list[_Open] = []
        self._statement = Statement(0)
        self._piece_start = 0
        self.statements: list[Statement] = []
        self.functions: list[Function] = []
        for match in _TOKEN.finditer(self._code):
            self._take(match.group(0), match.start())
        self._finish(len(self._code))

    def _take(self, token: str, offset: int) -> None:
        if token in "([":
            self._stack.append(_Open(token, offset))
        elif token == ")":
            self._close("(")
        elif token == "]":
            self._close_square(offset)
        elif token == "{":
            self._open_brace(offset)
        elif token == "}":
            self._close_brace(offset)
        elif token == ";" and (not self._stack or self._stack[-1].kind in ("block", "scope", "function")):
            self._finish(offset)
            self._begin(offset + 1)

    def _close(self, kind: str) -> None:
        if self._stack and self._stack[-1].kind == kind:
            self._stack.pop()

    def _close_square(self, offset: int) -> None:
        if not self._stack or self._stack[-1].kind != "[":
            return
        opening = self._stack.pop().offset
        before = self._code[self._statement.start:opening].rstrip()
        is_subscript = bool(before) and (before[-1].isalnum() or before[-1] in "_)]>\"")
        if re.search(r"\b(return|co_return|co_await|co_yield)$", before):
            is_subscript = False
        is_attribute = self._code[opening + 1] == "[" or self._code[opening - 1] == "["
        if not is_subscript and not is_attribute:
            self._statement.lambdas.append((opening, offset))

    def _text_before(self, offset: int) -> str:
        return self._statement.text(self._code) + " " + self._code[self._piece_start:offset]

    def _open_brace(self, offset: int) -> None:
        before = self._text_before(offset)
        if self._stack and self._stack[-1].kind == "init" and not _is_lambda_head(before):
            is_block = False
        else:
            is_block = _opens_block(before)
        if not is_block:
            self._statement.initialisers.append(offset)
            self._stack.append(_Open("init", offset))
            return
        in_scope = not self._stack or self._stack[-1].kind == "scope"
        head = _ACCESS.sub("", before)
        continues = _is_lambda_head(before)
        kind = "block"
        if in_scope and not continues:
            kind = "scope" if _SCOPE_HEAD.match(head) else "function"
        self._statement.pieces.append((self._piece_start, offset))
        self._stack.append(_Open(kind, offset, self._statement, head, not continues))
        if not continues:
            self.statements.append(self._statement)
        self._begin(offset + 1)

    def _close_brace(self, offset: int) -> None:
        if not self._stack:
            return
        opened = self._stack[-1]
        if opened.kind == "init":
            self._stack.pop()
            return
        self._finish(offset)
        while self._stack and self._stack[-1].kind not in ("block", "scope", "function"):
            self._stack.pop()
        if not self._stack:
            return
        opened = self._stack.pop()
        if opened.kind == "function":
            name, parameters = _signature(opened.head)
            self.functions.append(Function(name, parameters, opened.offset, offset))
        self._begin(offset + 1)
        if not opened.ends_statement:
            self._statement = opened.outer

    def _begin(self, offset: int) -> None:
        self._statement = Statement(offset)
        self._piece_start = offset

    def _finish(self, offset: int) -> None:
        self._statement.pieces.append((self._piece_start, offset))
        self.statements.append(self._statement)
