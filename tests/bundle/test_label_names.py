from __future__ import annotations

import pytest
from monai.bundle import ConfigParser

from monai_nlseg.bundle import LabelNames

TISSUES = {"channel_def": {"0": "background", "1": "CSF", "2": "GM"}}
ONE = {"channel_def": {"0": "background", "1": "structure"}}
PARTS = {"channel_def": {"0": "core", "1": "whole"}}


@pytest.mark.parametrize(
    ("pred", "given", "channels", "exclusive", "masks", "expected"),
    [
        (TISSUES, None, 3, True, False, {1: "CSF", 2: "GM"}),
        (TISSUES, {"2": "grey matter"}, 3, True, False, {1: "CSF", 2: "grey matter"}),
        (ONE, None, 1, False, False, {1: "structure"}),
        (ONE, {"1": "$'fetal ' + @part"}, 1, False, False, {1: "fetal head"}),
        ({"channel_def": {"0": "nerve"}}, None, 1, False, False, {1: "nerve"}),
        (PARTS, None, 2, False, True, {1: "core", 2: "whole"}),
        # What a bundle makes of masks that overlap, it alone can say.
        (PARTS, None, 2, False, False, {}),
        (PARTS, {"1": "whole", "4": "core"}, 2, False, False, {1: "whole", 4: "core"}),
        # A map of other values than the channels' numbers.
        (TISSUES, {"2": "CSF", "150": "GM"}, 3, True, False, {2: "CSF", 150: "GM"}),
        (ONE, {"255": "lesion"}, 1, False, False, {255: "lesion"}),
        ({}, None, 2, True, False, {}),
        ({}, {"1": "nerve"}, 2, True, False, {1: "nerve"}),
    ],
)
def test_names_of_the_config_come_before_those_of_the_metadata(pred, given, channels, exclusive, masks, expected):
    config = ConfigParser({"part": "head"} | ({} if given is None else {"label_names": given}))
    assert LabelNames.of(config, pred).of_labels(channels, exclusive, masks) == expected


@pytest.mark.parametrize("given", ["nerve", ["background", "nerve"], {"nerve": 1}])
def test_names_must_be_of_values(given):
    with pytest.raises(ValueError, match="label_names is .*: give a name for values of the label map, such as 1: ner"):
        LabelNames.of(ConfigParser({"label_names": given}), ONE)


@pytest.mark.parametrize("defined", [["background", "nerve"], 7, "nerve"])
def test_so_must_those_of_the_metadata(defined):
    with pytest.raises(ValueError, match="channel_def in the metadata is"):
        LabelNames.of(ConfigParser({}), {"channel_def": defined})
