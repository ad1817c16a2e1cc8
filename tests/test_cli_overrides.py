"""Ids and values as a user types them behind --set."""

from __future__ import annotations

import pytest

from monai_nlseg.cli.overrides import overrides_of_options, overrides_of_pairs


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("16", 16),
        ("1e-3", 0.001),
        ("[8,8,8]", [8, 8, 8]),
        ("True", True),
        ("None", None),
        ("average", "average"),
        ("'16'", "16"),
        ("{'a': 1}", {"a": 1}),
        ("$@network.train()", "$@network.train()"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_values(text, value):
    assert overrides_of_pairs([f"a#b={text}"]) == {"a#b": value} == overrides_of_options([f"--a#b={text}"])


@pytest.mark.parametrize("text", ["2024", "#1", "a b", "True", "~/x=y", "[1]"])
@pytest.mark.parametrize("name", ["dataset_dir", "checkpoint", "initial_weights", "pattern"])
def test_paths_and_patterns_are_text(name, text):
    assert overrides_of_pairs([f"{name}={text}"]) == {name: text}
    assert overrides_of_options([f"--{name}", text]) == {name: text}


def test_the_last_of_one_id_counts():
    assert overrides_of_pairs(["step=8", "roi=4", "step=16"]) == {"step": 16, "roi": 4}
    assert overrides_of_pairs([]) == {} == overrides_of_options([])


@pytest.mark.parametrize("pair", ["", "step", "=8", "--step"])
def test_what_is_no_pair(pair):
    with pytest.raises(ValueError, match=f"'{pair}' is not an override: give an id and a value, such as step=16"):
        overrides_of_pairs([pair])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["step", "8"], "'step' is not an override"),
        (["--step"], "'--step' has no value"),
        (["--step", "--roi", "4"], "'--step' has no value"),
        (["--=8"], "'--=8' is not an override"),
        (["--", "8"], "'--' is not an override"),
    ],
)
def test_what_are_no_options(arguments, words):
    with pytest.raises(ValueError, match=words):
        overrides_of_options(arguments)
