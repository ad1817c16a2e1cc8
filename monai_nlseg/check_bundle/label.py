"""Checks of the demands of MONAI Label's stock app ``monaibundle``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from monai.bundle import ConfigParser

from monai_nlseg.check_bundle.finding import Finding, failed, passed, warned
from monai_nlseg.check_bundle.subject import Subject

CHECK = "MONAI Label"
TRAINING = "MONAI Label training"
TYPES = ("deepedit", "deepgrow", "detection", "segmentation", "classification")
INFERENCE_IDS = (
    ("network_def",),
    ("preprocessing", "pre_transforms"),
    ("inferer",),
    ("postprocessing", "post_transforms"),
)
TRAINING_IDS = ("train#trainer#max_epochs", "train#dataset#data", "validate#dataset#data", "train#handlers", "network")
MOVING = ("Spacingd", "Orientationd", "Resized", "Zoomd", "CropForegroundd", "SpatialPadd", "DivisiblePadd")
"""Transforms that bring the image to another grid."""


def check_label_inference(subject: Subject) -> Iterator[Finding]:
    """Check what the app reads from the inference config and the metadata.

    Args:
        subject: the bundle.
    """
    found = [*_name_and_files(subject), *_tensors(subject)]
    parser = subject.parser("inference")
    for names in INFERENCE_IDS:
        if not any(name in parser for name in names):
            found.append(failed(CHECK, f"inference has no {' or '.join(names)}", "Define it under this id."))
    found += _grid(parser)
    yield from found
    if not found:
        yield passed(CHECK, "the stock app can serve the bundle")


def check_label_training(subject: Subject) -> Iterator[Finding]:
    """Check the ids of the train config that the app overrides.

    Args:
        subject: the bundle.
    """
    if subject.config("train") is None:
        return
    parser = subject.parser("train")
    missing = [name for name in TRAINING_IDS if name not in parser]
    if missing:
        yield warned(
            TRAINING, f"train has no {', '.join(missing)}", "Define what the app sets or loads, to train from there."
        )
    else:
        yield passed(TRAINING, "train has the ids that the app overrides")


def _name_and_files(subject: Subject) -> Iterator[Finding]:
    if not any(kind in subject.root.name.lower() for kind in TYPES):
        yield warned(
            CHECK,
            f"the folder's name '{subject.root.name}' has none of {', '.join(TYPES)}",
            "Put one into the name, by which the app knows what the bundle does.",
        )
    for name in ("inference", "train"):
        path = subject.config(name)
        if path is not None and path.suffix == ".yml":
            yield warned(CHECK, f"the app does not read {path.name}", f"Rename it to {name}.yaml.")


def _tensors(subject: Subject) -> Iterator[Finding]:
    image, pred = subject.data_format("inputs", "image"), subject.data_format("outputs", "pred")
    dimensions = len(image.get("spatial_shape") or ())
    if dimensions not in (2, 3):
        yield failed(CHECK, f"the image has {dimensions} axes in spatial_shape", "Declare two or three.")
    labels = [str(name) for name in (pred.get("channel_def") or {}).values() if str(name).lower() != "background"]
    if not labels:
        yield warned(CHECK, "pred has no channel_def besides the background", "Name there what the labels mean.")
    elif 1 < pred["num_channels"] != len(pred["channel_def"]):  # a single channel may be named by 0 and 1
        yield warned(
            CHECK,
            f"pred has {pred['num_channels']} channels, but its channel_def names {len(pred['channel_def'])}",
            "Name each channel there: the names become those of the labels.",
        )


def _grid(parser: ConfigParser) -> Iterator[Finding]:
    before = _targets(parser, INFERENCE_IDS[1])
    after = _targets(parser, INFERENCE_IDS[3])
    moving = [name for name in before if name in MOVING]
    if moving and not {"Invertd", "Restored"} & set(after):
        yield warned(
            CHECK,
            f"{', '.join(moving)} in preprocessing is not undone, so results lie on another grid than the image",
            "Add Invertd to postprocessing.",
        )


def _targets(parser: ConfigParser, names: tuple[str, ...]) -> list[str]:
    """Return the classes, without modules, of the transforms under the first id that is defined."""
    config: Any = next((parser.get(name) for name in names if name in parser), None)
    transforms = config.get("transforms") if isinstance(config, dict) else config
    steps = transforms if isinstance(transforms, list) else []
    return [str(step.get("_target_")).rpartition(".")[2] for step in steps if isinstance(step, dict)]
