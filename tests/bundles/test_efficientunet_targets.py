"""What the bundle of the VRDL report learns from, and with which network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.utils import optional_import
from scipy.ndimage import binary_erosion

from monai_nlseg.losses import SoftDiceFocalLoss
from monai_nlseg.simulate import simulate_ultrasound_nerve
from tests.bundles.test_efficientunet import (
    CONFIGS,
    INSIDE,
    PIXELWISE,
    SIZE,
    SMALL,
    SMALL_TRAIN,
    _parser,
    _rectangle,
    _run,
    _save,
)

pytestmark = pytest.mark.skipif(
    not optional_import("segmentation_models_pytorch")[1], reason="needs monai-nlseg[encoders]"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """8 positives and 12 negatives: 6 of each train, 2 of each validate, 4 negatives are left out."""
    root = tmp_path_factory.mktemp("nerve")
    simulate_ultrasound_nerve(root, 20, test_cases=3, seed=1, size=SIZE[::-1])
    return root


class TestTargets:
    """What the network learns from."""

    def _label(self, tmp_path: Path, **options: object) -> torch.Tensor:
        """A nerve of 250 x 280 pixels in Kaggle's size."""
        _save(tmp_path / "1_1.tif", _rectangle((420, 580), 250, 280))
        _save(tmp_path / "1_1_mask.tif", 255 * (_rectangle((420, 580), 250, 280) > 100))
        parser = _parser(tmp_path, tmp_path, "train", **options)
        case = {name: str(tmp_path / f"1_1{end}.tif") for name, end in (("image", ""), ("label", "_mask"))}
        for transform in parser.get_parsed_content("train#deterministic_transforms"):
            case = transform(case)
        assert case["image"].shape == case["label"].shape == (1, 448, 576)
        assert case["image"].max() == pytest.approx(200 / 255)
        return case["label"][0].as_tensor()

    @pytest.mark.parametrize(("iterations", "edge"), [(3, 25), (1, 9)])
    def test_smoothing_by_erosion(self, iterations, edge, tmp_path):
        label = self._label(tmp_path, **({} if iterations == 3 else {"ems_iterations": iterations}))
        assert label.unique().numpy() == pytest.approx([0, INSIDE, 1])
        mask = label.numpy() > 0
        inside = binary_erosion(mask, np.ones((edge, edge)), border_value=1)
        np.testing.assert_array_equal(label.numpy() == 1, mask & ~inside)
        assert mask.sum() == pytest.approx(250 * 280 * (448 * 576) / (420 * 580), rel=0.01)

    def test_without_smoothing_the_edges_stay_grey(self, tmp_path):
        label = self._label(tmp_path, ems=False)
        assert label.max() == 1 and len(label.unique()) > 3 and ((label > 0.1) & (label < 0.9)).any()

    def test_hard_labels_as_released_are_the_full_values(self, tmp_path):
        soft, hard = self._label(tmp_path, ems=False), self._label(tmp_path, targets="hard_labels")
        np.testing.assert_array_equal(hard, soft > 254.5 / 255)
        assert 0 < hard.sum() < (soft > 0).sum()

    @pytest.mark.parametrize("targets", ["soft", "hard_labels"])
    def test_they_reach_the_loss_unrounded(self, targets, data, tmp_path, monkeypatch):
        """The released code trained on what its loss made of them: whole numbers."""
        seen = []
        forward = SoftDiceFocalLoss._both_classes

        def spy(loss, target):
            seen.append(forward(loss, target))
            return seen[-1]

        monkeypatch.setattr(SoftDiceFocalLoss, "_both_classes", spy)
        # At this size the simulated nerves are thinner than the 25 pixels of three iterations.
        options = {**SMALL_TRAIN, "image_size": [128, 192], "ems_iterations": 1, "epochs": 1}
        _run(["train"], data, tmp_path, **options, **PIXELWISE, targets=targets)
        both = torch.cat(seen)
        assert both.shape == (12, 2, 128, 192)
        torch.testing.assert_close(both.sum(1), torch.ones(12, 128, 192))
        values = [0, 1 - INSIDE, INSIDE, 1] if targets == "soft" else [0, 1]
        assert both.unique().numpy() == pytest.approx(values, abs=1e-6)

    def test_soft_two_channels_of_the_loss(self):
        """One channel M of the cached target is (1 - M, M) in the loss."""
        logits, soft = torch.randn(2, 2, 8, 8), torch.full((2, 1, 8, 8), INSIDE)
        loss = SoftDiceFocalLoss()
        torch.testing.assert_close(loss(logits, soft), loss(logits, torch.cat((1 - soft, soft), 1)))
        assert loss(logits, soft) != loss(logits, torch.ones_like(soft))


class TestNetwork:
    @pytest.mark.parametrize(
        ("options", "name", "activation"),
        [
            ({"architecture": "deeplabv3plus", "encoder": "efficientnet-b0"}, "DeepLabV3PlusDecoder", "ReLU"),
            ({"architecture": "unetplusplus", "encoder": "resnet34"}, "UnetPlusPlusDecoder", "ReLU"),
            ({"encoder": "efficientnet-b0", "act": "mish"}, "UnetDecoder", "Mish"),
        ],
    )
    def test_is_chosen_by_one_argument_each(self, options, name, activation, data, tmp_path):
        for config in ("train", "inference"):
            network = _parser(data, tmp_path, config, **options).get_parsed_content("network_def")
            assert type(network.decoder).__name__ == name
            assert activation in {type(module).__name__ for module in network.modules()}

    def test_default_is_the_best_of_the_report(self, data, tmp_path):
        network = _parser(data, tmp_path, "train").get_parsed_content("network_def")
        assert sum(parameter.numel() for parameter in network.parameters()) == 8_756_674

    def test_starts_from_a_file_of_imagenet_weights(self, data, tmp_path):
        smp, _ = optional_import("segmentation_models_pytorch")
        state = smp.encoders.get_encoder("efficientnet-b0", in_channels=3, weights=None).state_dict()
        torch.save(state, tmp_path / "b0.pth")
        options = {**SMALL, "weights_path": str(tmp_path / "b0.pth")}
        network = _parser(data, tmp_path, "train", **options).get_parsed_content("network_def")
        name = "_blocks.3._project_conv.weight"
        torch.testing.assert_close(network.encoder.state_dict()[name], state[name])

    def test_pretrained_asks_for_the_encoders_weights(self, data, tmp_path, monkeypatch):
        asked = []
        monkeypatch.setattr(
            "monai_nlseg.networks.nets.encoder_decoder._fetch_weights",
            lambda smp, encoder, in_channels: (
                asked.append(encoder)
                or smp.encoders.get_encoder(encoder, in_channels=in_channels, weights=None).state_dict()
            ),
        )
        for pretrained in (False, True):
            _parser(data, tmp_path, "train", **SMALL, pretrained=pretrained).get_parsed_content("network_def")
        assert asked == ["efficientnet-b0"]


def test_configs_agree():
    """A network is used on what it was trained on."""
    train, inference, evaluate = (
        json.loads((CONFIGS / f"{name}.json").read_text()) for name in ("train", "inference", "evaluate")
    )
    for name in ("architecture", "encoder", "act", "image_size"):
        assert train[name] == inference[name], name
    for name in ("ensemble", "members", "weight_base", "empty_area", "area_size", "weights", "network"):
        assert evaluate[name] == inference[name], name
    assert evaluate["validate#inferer"] == inference["inferer"]
    load, _, scale, resize = inference["preprocessing"]["transforms"]
    assert scale in train["train"]["loading_transforms"]
    assert train["validate"]["resizing_transforms"] == [resize]
    assert train["train"]["loading_transforms"][0] == load | {"keys": ["image", "label"]}
