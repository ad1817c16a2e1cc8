"""The training recipe of the region-aware net's bundle is the paper's."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from monai_nlseg.simulate import simulate_ultrasound_nerve
from tests.bundles.test_region_aware import CASES, CONFIGS, SIZE, SMALL_TRAIN, _parser, _workflow


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("nerve")
    simulate_ultrasound_nerve(root, CASES, test_cases=3, size=SIZE[::-1])
    return root


class TestRecipe:
    def test_loss_is_cross_entropy_and_dice_of_squares(self):
        loss = _parser("train").get_parsed_content("loss")
        logits, truth = torch.randn(4, 1, 8, 9), (torch.rand(4, 1, 8, 9) > 0.7).float()
        p = logits.sigmoid()
        entropy = -(truth * p.log() + (1 - truth) * (1 - p).log()).mean()
        dice = 1 - 2 * (p * truth).sum() / ((p**2).sum() + (truth**2).sum())
        torch.testing.assert_close(loss(logits, truth), entropy + dice)

    def test_rate_falls_as_published(self):
        parser = _parser("train", **{"lr_scheduler#total_iters": 100})
        parser["optimizer"] = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler = parser.get_parsed_content("lr_scheduler")
        rates = []
        for _ in range(100):
            rates += scheduler.get_last_lr()
            scheduler.optimizer.step()
            scheduler.step()
        assert rates[::25] == pytest.approx([1, 0.771890, 0.535887, 0.287175], abs=1e-6)

    def test_is_the_published_one(self):
        config = json.loads((CONFIGS / "train.json").read_text())
        names = ("image_size", "epochs", "batch_size", "learning_rate", "weight_decay")
        assert [config[name] for name in names] == [[512, 512], 70, 8, 1e-4, 1e-3]
        assert config["optimizer"]["_target_"] == "torch.optim.Adam"

    def test_batches_are_half_positive_and_others_each_epoch(self, data, tmp_path):
        parser = _workflow(data, tmp_path, "train", **SMALL_TRAIN).parser
        loader = parser.get_parsed_content("train#dataloader")
        positive = [case["positive"] for case in loader.dataset.data]
        assert (sum(positive), len(positive)) == (6, 16)
        epochs = []
        for epoch in (1, 2):
            loader.batch_sampler.set_epoch(epoch)
            epochs.append(list(loader.batch_sampler))
            assert [sum(positive[case] for case in batch) for batch in epochs[-1]] == [2] * 5
        assert epochs[0] != epochs[1]
        batch = next(iter(loader))
        assert batch["image"].shape == batch["label"].shape == (4, 1, 64, 64)
        assert (
            batch["image"].min() >= 0 and batch["image"].max() <= 1 and set(batch["label"].unique().tolist()) == {0, 1}
        )

    def test_flags_of_a_datalist_without_them_are_those_of_the_masks(self, data, tmp_path):
        """MONAI Label gives such a data list."""
        parser = _workflow(data, tmp_path, "train", **SMALL_TRAIN).parser
        cases = parser.get_parsed_content("split")[0]
        plain = [{key: case[key] for key in ("image", "label")} for case in cases]
        parser = _workflow(data, tmp_path, "train", **SMALL_TRAIN, **{"train#dataset#data": plain}).parser
        sampler = parser.get_parsed_content("train#sampler")
        assert sampler.positives.tolist() == [index for index, case in enumerate(cases) if case["positive"]]

    def test_parts_share_no_case_and_keep_the_share_of_positives(self, data, tmp_path):
        parser = _workflow(data, tmp_path, "train", **SMALL_TRAIN).parser
        train, validation = (parser.get_parsed_content(f"{part}#dataset") for part in ("train", "validate"))
        assert {case["case"] for case in train.data}.isdisjoint(case["case"] for case in validation.data)
        assert sum(case["positive"] for case in validation.data) == 2 and len(validation) == 4
        assert validation[0]["image"].shape == (1, 64, 64) and validation[0]["label"].shape == (1, *SIZE)

    def test_augmentation_has_the_eight_symmetries_and_moves_both_alike(self):
        """The nearest symmetry of what has none, turned by up to 15 degrees."""
        y, x = np.indices((64, 64))
        shape = torch.from_numpy((np.hypot(y - 32, x - 32) < 28) & (x > 34) & (y > x)).float()[None]
        views = [turned for flip in (shape, shape.flip(1)) for turned in (flip.rot90(k, (1, 2)) for k in range(4))]
        transforms = _parser("train", image_size=[64, 64]).get_parsed_content("train#random_transforms")
        seen = []
        for _ in range(100):
            case = {"image": shape, "label": shape}
            for transform in transforms:
                case = transform(case)
            image, label = case["image"], case["label"]
            assert ((image > 0.5) == (label > 0.5)).float().mean() > 0.97 and set(label.unique().tolist()) == {0, 1}
            overlaps = [float((view * label).sum() / view.sum()) for view in views]
            seen.append(int(np.argmax(overlaps)))
            assert max(overlaps) > 0.5
        assert set(seen) == set(range(8))

    def test_other_sizes_keep_their_shape(self, data, tmp_path):
        dataset = _workflow(data, tmp_path, "train", image_size=[64, 96]).parser.get_parsed_content("train#dataset")
        assert {dataset[0]["image"].shape for _ in range(10)} == {(1, 64, 96)}
