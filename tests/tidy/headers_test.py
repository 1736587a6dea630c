import pytest


@pytest.mark.parametrize("first_line", [
    "// Immutable. A thing.",
    "// Thread-safe. A thing.",
    "// Confined to one worker. A thing.",
    "// Pure functions, and a plain value.",
    "// Publishing is thread-safe; a reader is confined to one worker.",
])
def test_a_header_that_says_who_may_use_it_passes(tree, first_line):
    tree.write("base/b.h", first_line + "\n#pragma once\n")
    assert tree.tidy() == []


def test_a_header_without_a_contract_fails(tree):
    tree.write("base/b.h", "// A thing.\n#pragma once\n")
    [finding] = tree.tidy()
    assert finding.startswith("base/b.h:1: the first line says none of")


def test_a_header_without_pragma_once_fails(tree):
    tree.write("base/b.h", "// Immutable. A thing.\n")
    assert tree.tidy() == ["base/b.h:1: no #pragma once"]


def test_a_header_that_compiles_alone_passes(tree):
    tree.header("base/b.h", '#include <string>\n#include "base/a.h"\ninline std::string f() { return {}; }\n')
    assert tree.tidy("--headers") == []
    assert (tree.root / "build/tidy/headers.json").exists()


def test_a_header_that_needs_another_fails_until_what_it_needs_is_there(tree):
    tree.header("base/b.h", "std::string f();\n")
    [finding] = tree.tidy("--headers")
    assert finding.startswith("base/b.h:1: does not compile alone: base/b.h:3:")
    tree.header("base/b.h", "#include <string>\nstd::string f();\n")
    assert tree.tidy("--headers") == []


def test_a_header_is_compiled_again_when_one_that_it_includes_changes(tree):
    tree.header("base/a.h", "struct A {};\n").header("base/b.h", '#include "base/a.h"\ninline A make() { return A(); }\n')
    assert tree.tidy("--headers") == []
    tree.header("base/a.h", "struct B {};\n")
    assert any("does not compile alone" in finding for finding in tree.tidy("--headers"))


def test_a_header_that_its_own_file_includes_first_is_left_to_the_build(tree):
    tree.header("base/b.h", "std::string f();\n")
    tree.write("base/b.cc", '#include "base/b.h"\n#include <string>\n')
    assert tree.tidy("--headers") == []
    tree.write("base/b.cc", '#include <string>\n#include "base/b.h"\n')
    [finding] = tree.tidy("--headers")
    assert finding.startswith("base/b.h:1: does not compile alone")
