from __future__ import annotations

import pytest

from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.served import ServedBundle
from tests.cohort.bundles import unet_bundle


def test_values_of_the_command_line():
    options = AppOptions.of({"epochs": "3", "val_split": "0.5", "models": "a,b", "server_mode": "true"})
    assert (options.epochs, options.val_split, options.models) == (3, 0.5, "a,b")
    assert AppOptions.of({}) == AppOptions()


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ({"epoch": "3"}, "--conf epoch is unknown: choose models, epochs"),
        ({"epochs": "three"}, "--conf epochs three is not a number"),
        ({"epochs": "0"}, "epochs is 0"),
        ({"most_epochs": "0"}, "most_epochs is 0"),
        ({"val_split": "1"}, "val_split is 1.0"),
        ({"dropout_samples": "1"}, "dropout_samples is 1: give 2 or more"),
        ({"origins": "*"}, "would let any web page"),
        ({"origins": "viewer.example"}, "is not scheme://host"),
        ({"hosts": "http://label.example"}, "is not a name of a machine"),
        *(({"most_upload_gib": size}, "most_upload_gib is") for size in ("0", "-1", "nan", "inf")),
    ],
)
def test_refused(conf, words):
    with pytest.raises(ValueError, match=words):
        AppOptions.of(conf)


def test_bytes_of_an_upload():
    assert AppOptions.of({"most_upload_gib": "0.5"}).most_upload_bytes == 2**29


def test_models_of_the_command_line_are_served(tmp_path):
    served = {name: ServedBundle(name, unet_bundle(tmp_path / name)) for name in ("a", "b")}
    assert list(AppOptions(models="b").chosen(served)) == ["b"]
    assert list(AppOptions().chosen(served)) == ["a", "b"]
    with pytest.raises(ValueError, match="the model 'c' is not in app.json: choose a, b"):
        AppOptions(models="a, c").chosen(served)
