"""The settings of a training, which a plan holds and a bundle is generated from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

Share = Annotated[float, Field(ge=0, le=1)]
Size = tuple[PositiveInt, ...]


class Section(BaseModel):
    """A part of the settings: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Geometry(Section):
    """The grid that the network works in.

    Attributes:
        orientation: axis codes that volumes are turned to, left-right first, then posterior-anterior and
            inferior-superior, such as "RAS" or "LPS"; None for pictures.
        spacing: voxel size in mm that volumes are resampled to; None leaves each in its own grid.
        size: rows and columns that pictures are resized to; None leaves them in their own grid.
    """

    orientation: str | None
    spacing: tuple[PositiveFloat, ...] | None
    size: Size | None


class Intensity(Section):
    """How the values of one channel are normalised.

    Attributes:
        kind: "zscore": mean 0 and deviation 1 over the image; "zscore-nonzero": mean 4 and deviation 1 over the voxels
            that are not 0, and 0 stays 0 (skull-stripped MR); "range": clip to ``lower`` and ``upper``, then mean 0 and
            deviation 1 by ``mean`` and ``deviation`` of the data set (CT); "unit": 0 to 1 by the range of the stored
            type (pictures).
        lower, upper, mean, deviation: of the data set, for "range".
    """

    kind: Literal["zscore", "zscore-nonzero", "range", "unit"]
    lower: float | None = None
    upper: float | None = None
    mean: float | None = None
    deviation: PositiveFloat | None = None


class NetworkSettings(Section):
    """The network.

    Attributes:
        name: short name for people, such as "laednet-s", or the dotted path that was given.
        target: dotted path of the class.
        arguments: all arguments of the class, JSON values.
        divisor: number that each side of its input must be divisible by.
    """

    name: str
    target: str
    arguments: dict[str, Any]
    divisor: PositiveInt


class Sampling(Section):
    """What a training step sees.

    Attributes:
        window: voxels of a training window and of a window at inference. It is equal to the picture's ``size`` if
            whole pictures are seen, and smaller if windows are cut from the resized pictures.
        batch_size: windows or pictures per step.
        class_ratios: how often a window is centred on background, the first class and so on; empty for whole pictures.
    """

    window: Size
    batch_size: PositiveInt
    class_ratios: tuple[Annotated[float, Field(ge=0)], ...] = ()


class Augmentation(Section):
    """Random changes of the training images.

    Attributes:
        flip_axes: spatial axes along which an image may be flipped without becoming wrong.
        rotation: largest rotation in radians about each axis (one number for pictures).
        scaling: largest relative change of size.
        contrast: smallest and largest gamma.
        brightness: largest relative change of intensity.
        noise: largest standard deviation of added noise, in units of the normalised image.
        blur: largest standard deviation of the smoothing in voxels; 0 for none.
        bias_field: largest coefficient of a smooth field that multiplies the image (MR); 0 for none.
    """

    flip_axes: tuple[int, ...]
    rotation: tuple[Annotated[float, Field(ge=0)], ...]
    scaling: Annotated[float, Field(ge=0, lt=1)]
    contrast: tuple[PositiveFloat, PositiveFloat]
    brightness: Annotated[float, Field(ge=0, lt=1)]
    noise: Annotated[float, Field(ge=0)]
    blur: Annotated[float, Field(ge=0)]
    bias_field: Annotated[float, Field(ge=0)]


class Schedule(Section):
    """How long and how fast the network learns.

    Attributes:
        iterations: steps of a whole training (of each fold); the last epoch is a whole one.
        epoch: steps of an epoch, after which checkpoints are written.
        validation_interval: epochs from one validation to the next.
        learning_rate: the largest of the one-cycle schedule.
        weight_decay: of AdamW.
        loss: "dice-ce" or "dice-focal".
        class_weights: weight of the background and of each class in both parts of the loss, as MONAI takes it (for
            masks in the second part only, relative to the background); empty for equal weights.
        precision: "float32" or "bfloat16".
        seed: of everything random.
    """

    iterations: PositiveInt
    epoch: PositiveInt
    validation_interval: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: Annotated[float, Field(ge=0)]
    loss: Literal["dice-ce", "dice-focal"]
    class_weights: tuple[PositiveFloat, ...] = ()
    precision: Literal["float32", "bfloat16"]
    seed: Annotated[int, Field(ge=0)]


class Inference(Section):
    """How an image is segmented.

    Attributes:
        step: distance in voxels from one window to the next along each axis.
        flips: whether the results of flipped copies (along the augmentation's flip axes) are averaged.
    """

    step: Size
    flips: bool


class Division(Section):
    """How the cases are divided.

    Attributes:
        test_share: share of the cases that chooses nothing and is evaluated at the end; 0 for none.
        folds: number of folds of the cross-validation; 1 trains once, with ``validation_share`` held out.
        validation_share: share of the cases that chooses the weights if there is one fold.
    """

    test_share: Share
    folds: PositiveInt
    validation_share: Share


class Settings(Section):
    """All settings of a training.

    Attributes:
        spatial_dims: 2 or 3.
        geometry, intensity, network, sampling, augmentation, schedule, inference, division: see there. ``intensity``
            has an entry for each channel.
        initial_bundle: path of the bundle whose weights the training starts from; None starts from random weights.
    """

    spatial_dims: Literal[2, 3]
    geometry: Geometry
    intensity: tuple[Intensity, ...]
    network: NetworkSettings
    sampling: Sampling
    augmentation: Augmentation
    schedule: Schedule
    inference: Inference
    division: Division
    initial_bundle: str | None = None
