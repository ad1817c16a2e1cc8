"""Tiny bundles of several makes, with fixed random weights, and images for them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
import yaml
from monai.bundle import ConfigParser, create_workflow
from PIL import Image

HEAD = {
    "imports": ["$import glob", "$import torch"],
    "bundle_root": ".",
    "dataset_dir": "images",
    "output_dir": "eval",
    "device": "$torch.device('cpu')",
    "datalist": "$[{'image': path} for path in sorted(glob.glob(@dataset_dir + '/*'))]",
    "network": "$@network_def.to(@device)",
    "dataset": {"_target_": "Dataset", "data": "@datalist", "transform": "@preprocessing"},
    "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
}
EVALUATOR = {
    "_target_": "SupervisedEvaluator",
    "device": "@device",
    "val_data_loader": "@dataloader",
    "network": "@network",
    "inferer": "@inferer",
    "postprocessing": "@postprocessing",
}
RUN = ["$@evaluator.run()"]


def unet_bundle(root: Path, **changes: Any) -> Path:
    """As MONAI's model zoo makes them: another grid and back by Invertd, weights by a handler."""
    checkpoint = {
        "_target_": "CheckpointLoader",
        "load_path": "$@bundle_root + '/models/model.pt'",
        "load_dict": {"model": "@network"},
        "map_location": "@device",
    }
    config = HEAD | {
        "network_def": _unet(3, 1, 3),
        "preprocessing": _compose(
            _step("LoadImaged", "image"),
            _step("EnsureChannelFirstd", "image"),
            _step("Orientationd", "image", axcodes="RAS"),
            _step("Spacingd", "image", pixdim=[2, 2, 2]),
            _step("ScaleIntensityd", "image"),
        ),
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16], "sw_batch_size": 2, "overlap": 0.25},
        "postprocessing": _compose(
            _step("Activationsd", "pred", softmax=True), _invert(), _step("AsDiscreted", "pred", argmax=True), _save()
        ),
        "handlers": [checkpoint],
        "evaluator": EVALUATOR | {"val_handlers": "@handlers"},
        "run": RUN,
    }
    return write_bundle(root, config | changes, channels=1, labels=["background", "grey", "white"])


def yaml_bundle(root: Path, **changes: Any) -> Path:
    """YAML; nested transforms, one of them the bundle's own; weights by ``initialize``; no way back to the grid."""
    config = HEAD | {
        "imports": [*HEAD["imports"], "$from scripts.contrast import Contrastd"],
        "checkpoint": "$@bundle_root + '/models/model.pt'",
        "network_def": _unet(3, 1, 1),
        "reading": _compose(_step("LoadImaged", "image"), _step("EnsureChannelFirstd", "image")),
        "gridding": _compose(
            _step("Orientationd", "image", axcodes="LPS"),
            _step("Spacingd", "image", pixdim=[1.37, 1.31, 2.13]),
            _step("DivisiblePadd", "image", k=2),
        ),
        "preprocessing": _compose("@reading", _compose("@gridding", "$Contrastd('image')")),
        "inferer": {"_target_": "SimpleInferer"},
        "postprocessing": _compose(
            _step("Activationsd", "pred", sigmoid=True), _step("AsDiscreted", "pred", threshold=0.5), _save()
        ),
        "evaluator": EVALUATOR,
        "initialize": ["$@network.load_state_dict(torch.load(@checkpoint, weights_only=True))"],
        "run": RUN,
    }
    (root / "scripts").mkdir(parents=True)
    (root / "scripts" / "__init__.py").touch()
    (root / "scripts" / "contrast.py").write_text(CONTRAST)
    return write_bundle(root, config | changes, channels=1, labels=["lesion"], suffix="yaml")


CONTRAST = '''"""The bundle's own transform."""

from monai.transforms import MapTransform


class Contrastd(MapTransform):
    def __call__(self, data):
        return dict(data) | {key: (data[key] - data[key].mean()) / data[key].std() for key in self.keys}
'''


def picture_bundle(root: Path, **changes: Any) -> Path:
    """2D of colour pictures, which MONAI's reader gives as (columns, rows)."""
    config = HEAD | {
        "network_def": _unet(2, 3, 3),
        "preprocessing": _compose(
            _step("LoadImaged", "image", reader="PILReader"),
            _step("EnsureChannelFirstd", "image"),
            _step("Resized", "image", spatial_size=[32, 24]),
            _step("ScaleIntensityd", "image"),
        ),
        "inferer": {"_target_": "SimpleInferer"},
        "postprocessing": _compose(
            _step("Activationsd", "pred", softmax=True),
            _invert(),
            _step("AsDiscreted", "pred", argmax=True),
            _save(output_ext=".png", output_dtype="uint8", resample=False),
        ),
        "evaluator": EVALUATOR,
        "initialize": ["$@network.load_state_dict(torch.load(@bundle_root + '/models/model.pt', weights_only=True))"],
        "run": RUN,
    }
    return write_bundle(root, config | changes, channels=3, labels=["background", "disc", "cup"])


def tumour_bundle(root: Path, **changes: Any) -> Path:
    """Four modalities, three masks that overlap, as of BraTS."""
    config = HEAD | {
        "folders": "$sorted(glob.glob(@dataset_dir + '/*'))",
        "datalist": "$[{'image': sorted(glob.glob(folder + '/*'))} for folder in @folders]",
        "network_def": _unet(3, 4, 3),
        "preprocessing": _compose(
            _step("LoadImaged", "image"),
            _step("NormalizeIntensityd", "image", channel_wise=True),
            _step("DivisiblePadd", "image", k=4),
        ),
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16], "sw_batch_size": 1, "overlap": 0.5},
        "postprocessing": _compose(
            _step("Activationsd", "pred", sigmoid=True),
            _invert(),
            _step("AsDiscreted", "pred", threshold=0.5),
            _save(output_dtype="uint8"),
        ),
        "evaluator": EVALUATOR,
        "initialize": ["$@network.load_state_dict(torch.load(@bundle_root + '/models/model.pt', weights_only=True))"],
        "run": RUN,
    }
    return write_bundle(root, config | changes, channels=4, labels=["core", "whole", "enhancing"])


def threshold_bundle(root: Path, threshold: float = 51, **loading: Any) -> Path:
    """No network: a label where the image is above a threshold. ``loading`` goes to ``LoadImaged``."""
    config = HEAD | {
        "network_def": {"_target_": "torch.nn.Identity", "spatial_dims": 3},
        "preprocessing": _compose(_step("LoadImaged", "image", **loading), _step("EnsureChannelFirstd", "image")),
        "inferer": {"_target_": "SimpleInferer"},
        "postprocessing": _compose(_step("AsDiscreted", "pred", threshold=threshold), _save(output_dtype="uint8")),
        "evaluator": EVALUATOR,
        "run": RUN,
    }
    return write_bundle(root, config, channels=1, labels=["bright"])


def fault_bundle(root: Path, **changes: Any) -> Path:
    """Like :func:`unet_bundle`, but what an image's largest value says happens to the worker, see ``FAULTS``."""
    (root / "scripts").mkdir(parents=True)
    (root / "scripts" / "__init__.py").touch()
    (root / "scripts" / "faults.py").write_text(FAULTS)
    preprocessing = _compose(
        _step("LoadImaged", "image"),
        _step("EnsureChannelFirstd", "image"),
        {"_target_": "scripts.faults.Faultd", "keys": "image"},
        _step("Spacingd", "image", pixdim=[2, 2, 2]),
        _step("ScaleIntensityd", "image"),
    )
    return unet_bundle(root, preprocessing=preprocessing, **changes)


DIES, HANGS, SWELLS, PAUSES = 3001, 3002, 3003, 3004
FAULTS = f'''"""What goes wrong in a worker."""

import contextlib
import os
import time

import numpy as np
from monai.transforms import MapTransform


class Faultd(MapTransform):
    def __call__(self, data):
        mark = int(data["image"].max())
        if mark == {DIES}:
            os._exit(7)
        if mark == {HANGS}:
            time.sleep(600)
        if mark == {SWELLS}:
            held = []
            for _ in range(30):
                held.append(np.ones(1 << 23))
                time.sleep(0.05)
            time.sleep(600)
        if mark == {PAUSES}:
            time.sleep(0.5)
            pass_gate()
        return data


def pass_gate():
    """Wait as long as there is a gate, a folder, in which no pass is left."""
    folder = os.environ.get("NLSEG_TEST_GATE", "")
    while os.path.isdir(folder):
        with contextlib.suppress(OSError, IndexError):
            os.remove(os.path.join(folder, os.listdir(folder)[0]))
            return
        time.sleep(0.02)
'''


def write_bundle(
    root: Path, config: dict[str, Any], *, channels: int, labels: list[str], suffix: str = "json", weights: bool = True
) -> Path:
    """A folder as MONAI's model zoo has them."""
    (root / "configs").mkdir(parents=True, exist_ok=True)
    (root / "models").mkdir(exist_ok=True)
    axes = config["network_def"]["spatial_dims"]
    pred = {"num_channels": len(labels), "channel_def": {str(index): name for index, name in enumerate(labels)}}
    image = {"type": "image", "num_channels": channels, "spatial_shape": [32] * axes}
    formats = {"inputs": {"image": image}, "outputs": {"pred": pred}}
    (root / "configs" / "metadata.json").write_text(json.dumps({"version": "0.3.1", "network_data_format": formats}))
    text = json.dumps(config, indent=1) if suffix == "json" else yaml.safe_dump(config, sort_keys=False)
    (root / "configs" / f"inference.{suffix}").write_text(text)
    if weights:
        torch.save(_weights(config["network_def"]), root / "models" / "model.pt")
    return root


def _weights(definition: dict[str, Any]) -> dict[str, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ConfigParser({"net": definition}).get_parsed_content("net").state_dict()


def own_results(bundle: Path, images: Path, output: Path, **overrides: Any) -> list[Path]:
    """What MONAI itself writes for a bundle: as ``python -m monai.bundle run``; by name."""
    config = next((bundle / "configs").glob("inference.*"))
    given = {"bundle_root": str(bundle), "dataset_dir": str(images), "output_dir": str(output)} | overrides
    metadata = str(bundle / "configs" / "metadata.json")
    sys.path.insert(0, str(bundle))  # as the zoo's bundles with scripts ask for
    workflow = create_workflow(config_file=str(config), meta_file=metadata, logging_file=False, **given)
    workflow.run()
    workflow.finalize()
    return sorted(path for path in output.rglob("*") if path.is_file())


def save_volume(
    path: Path,
    shape: tuple[int, ...] = (40, 36, 25),
    *,
    seed: int = 0,
    spacing: tuple[float, float, float] = (1, 1.2, 1.5),
    mark: int | None = None,
) -> Path:
    """Smooth noise, oblique and not in RAS; with ``mark`` as largest value."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 1000, [-(-size // 4) for size in shape])
    values = np.kron(coarse, np.ones((4, 4, 4)))[tuple(map(slice, shape))] + random.uniform(0, 200, shape)
    if mark is not None:
        values.flat[0] = mark
    angle = 0.2
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(np.array(spacing) * [-1, 1, 1])
    affine[:3, 3] = (30, -12, 7)
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values.astype(np.float32), affine), path)
    return path


def save_picture(path: Path, size: tuple[int, int] = (40, 26), *, seed: int = 0, mode: str = "RGB") -> Path:
    """Smooth noise of (columns, rows)."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (8, 8, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode).save(path)
    return path


def _unet(axes: int, channels: int, classes: int) -> dict[str, Any]:
    shape = {"spatial_dims": axes, "in_channels": channels, "out_channels": classes}
    return {"_target_": "UNet", **shape, "channels": [4, 8], "strides": [2]}


def _step(name: str, keys: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": name, "keys": keys, **arguments}


def _compose(*transforms: Any) -> dict[str, Any]:
    return {"_target_": "Compose", "transforms": list(transforms)}


def _invert() -> dict[str, Any]:
    return _step("Invertd", "pred", orig_keys="image", transform="@preprocessing", nearest_interp=False, to_tensor=True)


def _save(**arguments: Any) -> dict[str, Any]:
    return _step("SaveImaged", "pred", output_dir="@output_dir", **arguments)
