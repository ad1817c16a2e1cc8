"""Whole plans: complete settings that fit each other, what was given, and what is refused."""

from __future__ import annotations

import sys

import pytest
import torch
import torch.nn as nn
from monai.networks.layers import SkipConnection

from monai_nlseg.training.planning import processor
from monai_nlseg.training.planning.make import plan
from monai_nlseg.training.planning.networks import NETWORKS
from monai_nlseg.training.planning.processor import Processor
from monai_nlseg.training.planning.show import leaves
from monai_nlseg.training.planning.verify import find_divisor
from tests.training.planning.fingerprints import pictures, volumes

SMALL = {"network.arguments.features": 4, "sampling.window": [16, 16, 16]}


class MyNet(nn.Module):
    """A network with a divisor of 4 and an argument that must be given."""

    def __init__(self, in_channels: int, num_classes: int, width: int, two: bool = False, wrong: bool = False) -> None:
        super().__init__()
        self.down = nn.Conv2d(in_channels, width, 4, stride=4)
        self.up = nn.ConvTranspose2d(width, num_classes + wrong, 4, stride=4)
        self.two = two

    def forward(self, x: torch.Tensor):
        y = self.up(self.down(x))
        return (y, y) if self.two else y


class Sized(nn.Module):
    """A network for one size of window, as transformers with positions are."""

    def __init__(self, img_size: list[int], in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(1, 1, *img_size))
        self.conv = nn.Conv3d(in_channels, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x + self.positions)


MY_NET = f"{__name__}.MyNet"


class TestPlans:
    def test_volumes(self):
        chosen = plan(volumes(channels=("T1", "FLAIR")), iterations=20).settings
        assert chosen.network.target == "monai_nlseg.networks.nets.NonLocalUNet" and chosen.network.divisor == 4
        assert chosen.network.arguments["in_channels"] == 2 and chosen.network.arguments["out_channels"] == 4
        assert chosen.sampling.window == (48, 48, 48) and chosen.inference.step == (24, 24, 24)
        assert chosen.schedule.iterations == 20 and chosen.sampling.class_ratios == (3, 3, 3, 3)

    def test_pictures(self):
        chosen = plan(pictures(names=("a", "b"), overlapping=True)).settings
        assert chosen.network.name == "laednet-s" and chosen.network.arguments["out_channels"] == 2
        assert chosen.geometry.size == chosen.sampling.window == chosen.inference.step == (288, 352)

    def test_thin_structures(self):
        chosen = plan(pictures(shape=(960, 999), thickness=6.0, names=("vessel",))).settings
        assert chosen.network.name == "dnlnet" and chosen.sampling.window == (128, 128)
        assert chosen.geometry.size is None and chosen.augmentation.flip_axes == (0, 1)

    def test_each_setting_has_a_reason(self):
        chosen = plan(volumes(), iterations=20, overrides=SMALL)
        assert set(chosen.reasons) == {name for name, _ in leaves(chosen.settings)}
        assert all(reason.endswith(".") for reason in chosen.reasons.values())
        assert "256 x 256 x 128" in chosen.reasons["inference.step"] and "GB" in chosen.reasons["sampling.batch_size"]

    def test_it_prints_as_a_table(self, monkeypatch):
        monkeypatch.setenv("COLUMNS", "140")  # a narrow terminal breaks sentences
        chosen = plan(volumes(names=("<b>", "[red]")), iterations=20, overrides=SMALL)
        assert "sampling.window" in str(chosen) and "[16, 16, 16]" in str(chosen)
        assert str(chosen).count("As brain_t1_nonlocal_unet_segmentation was trained.") == 2 and "As above." in str(
            chosen
        )
        assert "<td><code>[16, 16, 16]</code></td>" in chosen._repr_html_() and "<b>" not in chosen._repr_html_()

    def test_memory_lowers_the_batch(self, monkeypatch):
        monkeypatch.setattr(
            "monai_nlseg.training.planning.make.this_machine", lambda: Processor("Small", False, 1_500_000_000, None)
        )
        chosen = plan(pictures(), iterations=20, network="nonlocal-unet")
        assert 1 <= chosen.settings.sampling.batch_size < 8
        assert "8 would be better and do not fit" in chosen.reasons["sampling.batch_size"]
        monkeypatch.setattr(
            "monai_nlseg.training.planning.make.this_machine", lambda: Processor("Tiny", False, 900_000_000, None)
        )
        with pytest.raises(ValueError, match="GB are free: give smaller windows"):
            plan(pictures(), iterations=20, network="nonlocal-unet")


class TestTime:
    def test_twelve_minutes(self):
        asked = []

        def seconds(settings, found):
            asked.append(settings)
            return 1.2

        chosen = plan(volumes(), hours=0.2, seconds_per_step=seconds, overrides={"schedule.seed": 1})
        assert len(asked) == 1 and asked[0].sampling.window == chosen.settings.sampling.window
        assert 200 < chosen.settings.schedule.iterations < 600
        assert chosen.settings.inference.step == (36, 36, 36) and "75%" in chosen.reasons["inference.step"]
        assert "at 1.2 s a step on this machine" in chosen.reasons["schedule.iterations"]

    def test_folds_share_the_time(self):
        one, five = (
            plan(volumes(), hours=10, folds=folds, seconds_per_step=lambda *_: 1.0).settings.schedule.iterations
            for folds in (1, 5)
        )
        assert 4 < one / five < 6

    def test_the_test_part_takes_its_share(self):
        with_test, without = (
            plan(volumes(count=20, parts=parts), hours=0.5, seconds_per_step=lambda *_: 1.0)
            for parts in (["test"] * 8, ())
        )
        assert "test cases" in with_test.reasons["schedule.iterations"]
        assert with_test.settings.schedule.iterations < without.settings.schedule.iterations
        assert "test cases" not in without.reasons["schedule.iterations"]

    def test_it_is_measured_if_nobody_says(self):
        chosen = plan(volumes(shape=(32, 32, 32)), hours=0.05, overrides={**SMALL, "sampling.batch_size": 1})
        assert chosen.settings.schedule.iterations > 100


class TestOverrides:
    def test_what_depends_on_them_follows_and_is_said(self):
        chosen = plan(volumes(), iterations=20, overrides={"sampling.window": [32, 32, 16]})
        assert chosen.settings.inference.step == (16, 16, 8)
        assert chosen.reasons["sampling.window"].startswith("Given. By itself [48, 48, 48]: The median volume")
        assert "By itself [24, 24, 24]; it follows from sampling.window." in chosen.reasons["inference.step"]

    def test_inside_mappings_and_lists(self):
        given = {"network.arguments.features": 8, "intensity.1.kind": "zscore", "division.test_share": 0.2}
        chosen = plan(volumes(channels=("T1", "T2")), iterations=20, overrides=given)
        assert chosen.settings.network.arguments["features"] == 8
        assert [each.kind for each in chosen.settings.intensity] == ["zscore-nonzero", "zscore"]
        assert chosen.settings.division.test_share == 0.2
        assert chosen.reasons["network.arguments"].startswith("features: given.")
        assert "Intensity(" not in "".join(chosen.reasons.values())

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("sampling.windw", [32, 32, 32], "no setting 'sampling.windw': did you mean sampling.window"),
            ("window", [32, 32, 32], "did you mean sampling.window?"),
            ("sampling", {}, "a group of settings: give one of sampling.window, sampling.batch_size"),
            ("sampling.batch_size", 0, "sampling.batch_size is 0: give a whole number above 0."),
            ("sampling.window", [32, -1, 32], r"sampling.window\[1\] is -1: give a whole number above 0."),
            ("schedule.loss", "dice", "schedule.loss is 'dice': choose dice-ce, dice-focal."),
            ("schedule.learning_rate", float("nan"), "schedule.learning_rate is nan"),
            ("intensity.7.kind", "unit", "the images have 1 channels, from 0 on"),
            ("initial_bundle", "x", "initial_bundle cannot be set: give --init."),
            ("sampling.window", [32, 32], "sampling.window"),
            ("sampling.window", [30, 32, 32], r"sampling.window is 30 x 32 x 32.*divisible by 4.*give \[32, 32, 32\]"),
            ("inference.step", [64, 24, 24], "leaves gaps"),
            ("geometry.size", [320, 320], "geometry.size is for pictures"),
            ("geometry.orientation", "SAR", "is SAR: give the axes in the order left-right"),
            ("geometry.orientation", None, "is null: give the axes"),
            ("sampling.class_ratios", [], "is empty, as for whole pictures, and a window of 48 x 48 x 48 is not one"),
            ("sampling.class_ratios", [1, 1], "has 2 values: give 4, one for each class and the background"),
            ("augmentation.flip_axes", [3], "give axes from 0 to 2"),
            ("intensity.0.kind", "range", "a range without all of lower"),
            ("division.validation_share", 1.0, "leave nothing to train on"),
            ("network.arguments.featurs", 8, "featurs"),
        ],
    )
    def test_what_is_refused(self, name, value, said):
        with pytest.raises(ValueError, match=said):
            plan(volumes(), iterations=20, overrides={name: value})

    def test_wishes_that_are_refused(self):
        with pytest.raises(ValueError, match="hours and iterations were both given"):
            plan(volumes(), hours=1, iterations=3)
        with pytest.raises(ValueError, match="the number of iterations is 0"):
            plan(volumes(), iterations=0)


class TestNetworks:
    @pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("laednet-m", "laednet-l")])
    def test_of_this_package(self, name):
        chosen = plan(
            pictures(channels=("red", "green", "blue"), names=("a", "b")), iterations=4, network=name
        ).settings
        assert chosen.network.name == name and chosen.network.arguments["in_channels"] == 3
        assert all(side % chosen.network.divisor == 0 for side in chosen.sampling.window)

    def test_trying_sizes_logs_nothing(self, caplog):
        network = torch.nn.Sequential(torch.nn.AvgPool3d(4), torch.nn.Upsample(scale_factor=4))
        shortcut = SkipConnection(network, mode="add")
        assert find_divisor(shortcut, 1, 1, [32] * 3, "shortcut") == 4
        assert not caplog.records

    def test_of_monai(self):
        chosen = plan(volumes(), iterations=4, network="monai.networks.nets.SegResNet")
        assert chosen.settings.network.arguments == {"spatial_dims": 3, "in_channels": 1, "out_channels": 4}
        assert chosen.settings.network.divisor == 8 and chosen.settings.sampling.window == (48, 48, 48)

    def test_that_wants_to_know_the_window(self):
        chosen = plan(volumes(), iterations=4, network=f"{__name__}.Sized").settings
        assert chosen.network.arguments["img_size"] == list(chosen.sampling.window) == [64, 64, 64]

    def test_of_a_user(self):
        chosen = plan(pictures(), iterations=4, network=MY_NET, overrides={"network.arguments.width": 8}).settings
        assert chosen.network.arguments == {"in_channels": 1, "num_classes": 2, "width": 8}
        assert chosen.network.divisor == 4

    @pytest.mark.parametrize(
        ("network", "given", "said"),
        [
            ("laednet", {}, "did you mean laednet-[sml]. Choose nonlocal-unet, region-aware-net"),
            ("nowhere.Net", {}, "'nowhere.Net' cannot be imported .*PYTHONPATH"),
            ("monai.networks.nets.SegResNot", {}, "has no class 'SegResNot'"),
            (MY_NET, {}, "also needs width: give it with --set network.arguments.width=VALUE"),
            (MY_NET, {"width": 8, "depth": 2}, "has no argument 'depth': it takes in_channels, num_classes"),
            (MY_NET, {"width": "wide"}, "cannot be built with .*width='wide'"),
            (MY_NET, {"width": 8, "two": True}, "returns several outputs"),
            (MY_NET, {"width": 8, "wrong": True}, r"into a tensor of \[1, 3, 64, 64\]: expected \[1, 2, 64, 64\]"),
            ("torch.nn.Identity", {}, "has no argument in_channels|expected"),
        ],
    )
    def test_what_is_refused(self, network, given, said):
        given = {f"network.arguments.{name}": value for name, value in given.items()}
        with pytest.raises(ValueError, match=said):
            plan(pictures(), iterations=4, network=network, overrides=given)

    def test_volumes_need_a_network_for_volumes(self):
        with pytest.raises(ValueError, match="takes pictures, and these are volumes: choose nonlocal-unet, laednet-s"):
            plan(volumes(), iterations=4, network="region-aware-net")

    def test_a_missing_package_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
        with pytest.raises(ValueError, match=r"pip install 'monai-nlseg\[encoders\]'"):
            plan(pictures(), iterations=4, network="encoder-decoder")


class TestInitialBundles:
    def test_its_network_takes_other_channels_and_classes(self):
        chosen = plan(volumes(channels=("T1", "T2")), iterations=4, init="brain_t1_nonlocal_unet_segmentation")
        assert chosen.settings.network.arguments["in_channels"] == 2
        assert "2 channels in instead of 1" in chosen.reasons["network.arguments"]
        assert chosen.settings.sampling.window == (48, 48, 48) and chosen.settings.initial_bundle is not None

    def test_its_size_and_intensity(self):
        chosen = plan(pictures(), iterations=4, init="ultrasound_laednet_segmentation").settings
        assert chosen.network.name == "laednet-s" and "pretrained" not in chosen.network.arguments
        assert chosen.geometry.size == chosen.sampling.window == (320, 320) and chosen.intensity[0].kind == "unit"

    @pytest.mark.parametrize(
        ("init", "network", "said"),
        [
            ("ultrasound_laednet_segmentation", None, "takes images of 2 dimensions, and these have 3"),
            ("brain_t1_nonlocal_unet_segmentation", "laednet-s", "brings its own network"),
            ("nowhere", None, "not a bundle"),
        ],
    )
    def test_what_is_refused(self, init, network, said):
        with pytest.raises(ValueError, match=said):
            plan(volumes(), iterations=4, init=init, network=network)


def test_this_machine_is_described():
    machine = processor.this_machine()
    assert machine.name and machine.memory > 0 and machine.gpu is torch.cuda.is_available()
