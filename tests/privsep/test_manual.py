"""The manual and README name the test of each claim on captured workers: the tests are there."""

import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
TESTS = {name for path in (TOP / "tests/privsep").glob("test_*.py")
         for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.M)}
PROBES = re.findall(r"'(\w+)'", re.search(r"foreach role : \[(.*?)\]",
                                          (TOP / "tests/privsep/meson.build").read_text()).group(1))


def section(page):
    """What the page says on security."""
    text = (TOP / page).read_text()
    return text[text.index(".Sh SECURITY"):] if page.startswith("man/") else text[text.index("## The processes"):]


@pytest.mark.parametrize("page", ["man/rqlited.8", "README.md"])
def test_named_tests_exist(page):
    text = section(page)
    named = set(re.findall(r"\btest_\w+(?!\*)\b", text))
    stems = set(re.findall(r"`(test_\w+_)\*`", text))
    assert named - stems and named - stems <= TESTS, named - stems - TESTS
    assert all(any(test.startswith(stem) for test in TESTS) for stem in stems)
    assert set(re.findall(r"\bprobe (\w+)", text)) - {"of", "tries"} == set(PROBES)


def test_the_manual_names_what_captured_workers_tried():
    tried = {test for test in TESTS if test.startswith("test_captured_")}
    assert tried and tried <= set(re.findall(r"\btest_\w+", section("man/rqlited.8")))
