import pytest


@pytest.mark.parametrize("path, text, finding", [
    ("base/x.cc", "int x;\t\n", "base/x.cc:1: tab"),
    ("docs/x.md", "words \n", "docs/x.md:1: trailing space"),
    ("base/x.cc", "int x;", "base/x.cc:1: no newline at the end of the file"),
    ("base/x.cc", "\n// TO" "DO: later\n", "base/x.cc:2: leftover note; finish it or file an issue"),
    ("scripts/x.py", "# FIX" "ME\n", "scripts/x.py:1: leftover note; finish it or file an issue"),
    ("base/x.cc", "// " + "x" * 126 + "\n", "base/x.cc:1: line of 129 columns; at most 128"),
    ("base/x.cc", "class RouteManager {};\n", "base/x.cc:1: RouteManager says nothing; name what it is"),
    ("base/string_utils.cc", "int x;\n", "base/string_utils.cc:1: the file's name says nothing; name what it holds"),
])
def test_refused(tree, path, text, finding):
    tree.write(path, text)
    assert finding in tree.tidy()


@pytest.mark.parametrize("path, text", [
    ("base/x.cc", "// " + "x" * 125 + "\n"),
    ("docs/x.md", "a line of prose " * 20 + "end\n"),
    ("base/x.cc", "class Manageress {};\n"),
])
def test_allowed(tree, path, text):
    tree.write(path, text)
    assert tree.tidy() == []
