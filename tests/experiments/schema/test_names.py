from __future__ import annotations

import pytest

from monai_nlseg.experiments.schema.names import slug, variant_slug


@pytest.mark.parametrize(
    "name, expected",
    [("Model1, step 8", "model1-step-8"), ("U-Net++", "u-net++"), ("rate=0.1", "rate-0.1"), ("..", "unnamed")],
)
def test_slug(name, expected):
    assert slug(name) == expected


def test_the_only_variant_has_a_file_too():
    assert (variant_slug(""), variant_slug("step 8")) == ("result", "step-8")
