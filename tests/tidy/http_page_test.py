"""The tests that docs/http.md names are there."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_every_named_test_is_there() -> None:
    named = re.findall(r"`(test_\w+)`", (ROOT / "docs/http.md").read_text())
    there = {name for file in (ROOT / "tests/integration").glob("*_test.py")
             for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    assert len(named) > 50 and not set(named) - there
    rules = {name for name in there if re.match(r"test_(rule|probe|default)_", name)}
    assert not rules - set(named), "a rule's test that the page does not name"
