"""The plan as a file: written, read back, edited."""

from __future__ import annotations

import pytest

from monai_nlseg.training.planning.make import plan
from monai_nlseg.training.planning.overrides import parse_overrides
from monai_nlseg.training.planning.plan_file import plan_text, read_plan, write_plan
from tests.training.planning.fingerprints import intensity, pictures, volumes


@pytest.fixture(scope="module")
def chosen():
    given = {"network.arguments.features": 4, "sampling.window": [16, 16, 16], "schedule.weight_decay": 1e-7}
    ct = intensity(minimum=-1000.0)
    return plan(volumes(intensities=[ct], names=("yes", "7: #é")), iterations=20, overrides=given)


def edited(chosen, tmp_path, old, new):
    text = plan_text(chosen)
    assert text.count(old) == 1
    file = tmp_path / "plan.yaml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    return file


def test_a_round_trip_is_exact(chosen, tmp_path):
    write_plan(chosen, tmp_path / "plan.yaml")
    again = read_plan(tmp_path / "plan.yaml", chosen.found)
    assert again == chosen and plan_text(again) == plan_text(chosen)


def test_of_pictures_too(tmp_path):
    chosen = plan(pictures(channels=("red", "green")), iterations=20, network="nonlocal-unet")
    write_plan(chosen, tmp_path / "plan.yaml")
    assert read_plan(tmp_path / "plan.yaml", chosen.found) == chosen


def test_an_edited_value_loses_its_reason(chosen, tmp_path):
    again = read_plan(edited(chosen, tmp_path, "  batch_size: 2", "  batch_size: 1"), chosen.found)
    assert again.settings.sampling.batch_size == 1
    assert again.reasons["sampling.batch_size"] == "Changed in the plan's file from 2."
    assert again.reasons["sampling.window"] == chosen.reasons["sampling.window"]


def test_comments_are_not_needed(chosen, tmp_path):
    lines = [line for line in plan_text(chosen).splitlines() if not line.lstrip().startswith("#")]
    (tmp_path / "plan.yaml").write_text("\n".join(lines), encoding="utf-8")
    again = read_plan(tmp_path / "plan.yaml", chosen.found)
    assert again.settings == chosen.settings and again.reasons["schedule.seed"] == "Given in the plan's file."


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  batch_size: 2", "  batch_size: two", "sampling.batch_size is 'two': give a whole number above 0."),
        (
            "  batch_size: 2",
            "  bach_size: 2",
            "sampling has the key 'bach_size', which is unknown: did you mean batch_size",
        ),
        ("  batch_size: 2\n", "", "sampling has no batch_size: give it."),
        ("  window: [16, 16, 16]", "  window: [16, 16, 18]", "divisible by 4"),
        ("  seed: 0", "  seed: [0", "cannot be read"),
        ("\nspatial_dims: 3", "\nspatial_dims: 2", "the images have 3: give 3"),
    ],
)
def test_mistakes_are_named(chosen, tmp_path, old, new, said):
    with pytest.raises(ValueError, match=said) as refused:
        read_plan(edited(chosen, tmp_path, old, new), chosen.found)
    assert "\n" not in str(refused.value) and "plan.yaml" in str(refused.value)


def test_a_missing_file_and_one_of_something_else(chosen, tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        read_plan(tmp_path / "none.yaml", chosen.found)
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(ValueError, match="holds no settings"):
        read_plan(tmp_path / "list.yaml", chosen.found)


def test_pairs():
    given = parse_overrides(["sampling.window=[64, 64, 32]", "network.arguments.se=null", "schedule.loss=dice-ce"])
    assert given == {"sampling.window": [64, 64, 32], "network.arguments.se": None, "schedule.loss": "dice-ce"}
    with pytest.raises(ValueError, match="'epochs' is no setting: give a name and a value"):
        parse_overrides(["epochs"])
    with pytest.raises(ValueError, match="the value of sampling.window is not YAML"):
        parse_overrides(["sampling.window=[1"])
