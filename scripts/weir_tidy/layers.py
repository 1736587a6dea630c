"""The layer table: what add_module() declares must follow the layer order, and every #include what is declared."""
from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from weir_tidy.source import Finding, Source, Tree

# Left to right, as ARCHITECTURE.md draws it. Members of one group do not include each other.
_TRUNK = (("base",), ("config",), ("flags",))
_BRANCHES = {
    "proxy": (("net", "http"), ("route", "split", "observe", "inspect", "resolve"), ("upstream", "downstream"),
              ("forward",), ("exchange",), ("server",)),
    "analysis": (("stats",), ("window",), ("judge",), ("rollout",), ("forecast", "store", "records", "sim")),
}

_ADD_MODULE = re.compile(r"^add_module\(\s*([^)]*)\)", re.MULTILINE)
_QUOTED_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Module:
    path: str
    deps: tuple[str, ...]
    declared_in: Source
    offset: int


def read_modules(tree: Tree) -> dict[str, Module]:
    modules = {}
    for file in tree.files:
        if not file.path.endswith("CMakeLists.txt"):
            continue
        text = re.sub(r"#[^\n]*", lambda match: " " * len(match.group(0)), file.text)
        for match in _ADD_MODULE.finditer(text):
            path, *rest = match.group(1).split()
            section, deps = None, []
            for word in rest:
                if word in ("SOURCES", "DEPS", "LIBS"):
                    section = word
                elif section == "DEPS":
                    deps.append(word)
            modules[path] = Module(path, tuple(deps), file, match.start())
    return modules


def _place(module: str) -> tuple[str, int] | None:
    """(branch, position) in the layer order; None where the order does not name the module."""
    top, _, rest = module.partition("/")
    for position, group in enumerate(_TRUNK):
        if top in group:
            return "trunk", position
    if top == "app":
        return "app", 0
    first = rest.split("/", 1)[0]
    for position, group in enumerate(_BRANCHES.get(top, ())):
        if first in group:
            return top, position
    return None


def _is_left_of(dep: str, module: str) -> bool:
    """May `module` be built on `dep`? Parts of one member (config, config/load) may, as long as there is no cycle."""
    dep_place, place = _place(dep), _place(module)
    if dep_place is None or place is None:
        return False
    if place[0] == "app":
        return True
    if place == dep_place:
        member = 1 if place[0] == "trunk" else 2
        return dep.split("/")[:member] == module.split("/")[:member]
    return dep_place[0] in ("trunk", place[0]) and (dep_place[0] != place[0] or dep_place[1] < place[1])


def _reachable(module: str, modules: dict[str, Module]) -> set[str]:
    seen, todo = set(), list(modules[module].deps)
    while todo:
        dep = todo.pop()
        if dep not in seen and dep in modules:
            seen.add(dep)
            todo.extend(modules[dep].deps)
    return seen


def _owner(path: str, modules: dict[str, Module]) -> str | None:
    folder = path.rpartition("/")[0]
    while folder and folder not in modules:
        folder = folder.rpartition("/")[0]
    return folder or None


def _check_table(modules: dict[str, Module]) -> Iterator[Finding]:
    for module in modules.values():
        if _place(module.path) is None:
            yield module.declared_in.at(module.offset, f"module {module.path} has no place in the layer order")
            continue
        for dep in module.deps:
            if dep not in modules:
                yield module.declared_in.at(module.offset, f"module {module.path} depends on {dep}, which is no module")
            elif not _is_left_of(dep, module.path):
                yield module.declared_in.at(
                    module.offset, f"back edge: {module.path} may not depend on {dep} (the layer order)")
        if module.path in _reachable(module.path, modules):
            yield module.declared_in.at(module.offset, f"module {module.path} depends on itself in a circle")


def _check_includes(source: Source, tree_paths: set[str], modules: dict[str, Module]) -> Iterator[Finding]:
    owner = _owner(source.path, modules)
    if source.is_production and owner is None:
        yield source.on_line(1, "belongs to no add_module()")
        return
    allowed = {owner} | _reachable(owner, modules) if source.is_production else None
    for match in _QUOTED_INCLUDE.finditer(source.text):
        included = match.group(1)
        if included not in tree_paths:
            yield source.at(match.start(), f'"{included}" is not a file of the tree; includes are written from the root')
            continue
        target = _owner(included, modules)
        if allowed is not None and target not in allowed:
            yield source.at(match.start(), f'{owner} may not include "{included}": {target} is not among its DEPS')


def check(tree: Tree) -> Iterator[Finding]:
    modules = read_modules(tree)
    yield from _check_table(modules)
    tree_paths = {file.path for file in tree.files}
    for source in tree.sources:
        yield from _check_includes(source, tree_paths, modules)
