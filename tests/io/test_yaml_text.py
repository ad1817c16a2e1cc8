from __future__ import annotations

import pytest

from monai_nlseg.io.yaml_text import parse_yaml

ANCHORS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefghi", "bcdefghij")
)


def test_it_is_read():
    assert parse_yaml("models: {full: {step: 8}}\ntables: [1, 2]") == {
        "models": {"full": {"step": 8}},
        "tables": [1, 2],
    }


def test_aliases_are_allowed():
    assert parse_yaml("a: &a [1, 2]\nb: [*a, *a]\n") == {"a": [1, 2], "b": [[1, 2], [1, 2]]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 5000 + "]" * 5000, "nested 5000 deep"),
        ("{a: " * 5000 + "}" * 5000, "nested 5000 deep"),
        (ANCHORS, "more than 100,000 values"),
        ("a: &a {b: *a}", "more than 100,000 values"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("a: " + "9" * 5000, "4300 digits"),
        ("a: 2024-99-99", "month must be in"),
        ("{[]: 1}", "unhashable key"),
        ("a: [", "expected the node content"),
    ],
)
def test_what_cannot_be_read(text, words):
    with pytest.raises(ValueError, match=words):
        parse_yaml(text)
