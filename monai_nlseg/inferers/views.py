"""Views of an image: transforms of what a network sees, and of its predictions back to the image."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from monai.data import MetaTensor
from monai.inferers import Inferer

Network = Callable[..., torch.Tensor]


@dataclass(frozen=True)
class View:
    """A transform of images and its inverse for predictions.

    Any pair of functions of a tensor (B, C, *spatial) will do. For a transform of intensities, such as a change of
    gamma, ``invert`` is the identity.

    Attributes:
        name: its name in errors.
        apply: images (B, C, *spatial) -> what the network gets.
        invert: the prediction for that -> the prediction for the images; it may have other channels.
    """

    name: str
    apply: Callable[[torch.Tensor], torch.Tensor]
    invert: Callable[[torch.Tensor], torch.Tensor]


def flip_views(spatial_axes: Sequence[int]) -> list[View]:
    """Return the views of the image itself and of every flip along one or more of the axes.

    Args:
        spatial_axes: axes counted without batch and channel, 0 for the first. ``(1, 0)`` gives identity, left-right,
            up-down and both for an image (H, W), in the order of the VRDL report's code.

    Raises:
        ValueError: for an axis that is negative or repeated; when applied, for one that the image does not have.

    Examples::

        >>> [view.name for view in flip_views((1, 0))]
        ['identity', 'flip (1,)', 'flip (0,)', 'flip (1, 0)']
    """
    axes = _checked(spatial_axes)
    chosen = itertools.chain.from_iterable(itertools.combinations(axes, count) for count in range(len(axes) + 1))
    return [_flip(axes) for axes in chosen]


def rotation_views(plane: Sequence[int] = (0, 1)) -> list[View]:
    """Return the views of the image itself and of its rotations by 90, 180 and 270 degrees.

    A rotation by 90 degrees swaps two sizes, so the network must accept both forms of an image that is not square.

    Args:
        plane: the two spatial axes, counted as in :func:`flip_views`.

    Raises:
        ValueError: unless there are two different axes; when applied, for one that the image does not have.

    Examples::

        >>> [tuple(view.apply(torch.zeros(1, 1, 4, 6)).shape) for view in rotation_views()]
        [(1, 1, 4, 6), (1, 1, 6, 4), (1, 1, 4, 6), (1, 1, 6, 4)]
    """
    if len(_checked(plane)) != 2:
        raise ValueError(f"plane {tuple(plane)} has {len(plane)} axes: give the two that the rotation moves.")
    return [_rotation(turns, tuple(plane)) for turns in range(4)]


def square_views(count: int = 8) -> list[View]:
    """Return the first of a square's eight symmetries, for 2D images.

    1 is the image itself; 2 adds its left-right mirror image; 4 the up-down ones of both; 8 the diagonal ones of all,
    which swap height and width, so that the network must accept both forms of an image that is not square.

    Args:
        count: 1, 2, 4 or 8.

    Raises:
        ValueError: for another number.
    """
    if count not in (1, 2, 4, 8):
        raise ValueError(
            f"{count!r} views are unknown: choose 1 (the image), 2 or 4 (its flips) or 8 (diagonal ones, too)."
        )
    flips = flip_views({1: (), 2: (1,)}.get(count, (1, 0)))
    return combine_views(flips, [_flip(()), _transposition()]) if count == 8 else flips


def combine_views(first: Sequence[View], second: Sequence[View]) -> list[View]:
    """Combine each view of ``first`` with each of ``second``, which is applied after it.

    Args:
        first: views that are applied first.
        second: views that are applied to what the first return.

    Examples::

        >>> len(combine_views(rotation_views(), flip_views([0])))  # all symmetries of a square
        8
    """
    return [_composition(inner, outer) for outer in second for inner in first]


def network_list(network: Network | Sequence[Network]) -> list[Network]:
    """Return the networks of a call as a list.

    Args:
        network: one network, a sequence or a ``torch.nn.ModuleList``.

    Raises:
        ValueError: for an empty sequence.
    """
    several = isinstance(network, torch.nn.ModuleList | Sequence)
    networks: list[Network] = list(network) if several else [network]  # type: ignore[arg-type, list-item]
    if not networks:
        raise ValueError("the sequence of networks is empty: give at least one.")
    return networks


def predict_views(
    inputs: torch.Tensor,
    network: Network | Sequence[Network],
    views: Sequence[View] | None,
    inferer: Inferer,
    *args: Any,
    **kwargs: Any,
) -> Iterator[torch.Tensor]:
    """Yield the predictions for every view by every network, all views of the first network first.

    Args:
        inputs: (B, C, *spatial).
        network: one network or several, see :func:`network_list`.
        views: None for all flips, the last axis first.
        inferer: runs a network over the images of a view.
        args: further arguments of the networks.
        kwargs: further named arguments of the networks.

    Yields:
        Predictions for the untransformed images, (B, classes, *spatial), float32 and without meta data.

    Raises:
        ValueError: for inputs without spatial axes, a network that does not return a single tensor or returns NaN or
            infinite values, or predictions of several shapes.
    """
    images = inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs
    if images.dim() < 3 or 0 in images.shape:
        raise ValueError(
            f"input has shape {list(images.shape)}: expected (batch, channels, spatial axes), none of them empty."
        )
    if views is None:
        views = flip_views(range(images.dim() - 2)[::-1])
    first: torch.Size | None = None
    for number, each in enumerate(network_list(network)):
        for view in views:
            prediction = inferer(view.apply(images), each, *args, **kwargs)
            if not isinstance(prediction, torch.Tensor):
                raise ValueError(
                    f"network {number} returned a {type(prediction).__name__}: wrap it in a function that returns one "
                    "tensor."
                )
            plain = prediction.as_tensor() if isinstance(prediction, MetaTensor) else prediction
            plain = view.invert(plain).float()
            if not bool(torch.isfinite(plain).all()):
                raise ValueError(
                    f"network {number} returned NaN or infinite values for view '{view.name}': check its weights and "
                    "the image, or use float32 or bfloat16 if it runs in float16."
                )
            first = plain.shape if first is None else first
            if plain.shape != first or plain.shape != (len(images), *plain.shape[1:2], *images.shape[2:]):
                raise ValueError(
                    f"network {number} gives {list(plain.shape)} for view '{view.name}', the first gave {list(first)} "
                    f"for images of {list(images.shape)}: expected (batch, classes, spatial axes of the images), the "
                    "same for all."
                )
            yield plain


def _checked(spatial_axes: Sequence[int]) -> tuple[int, ...]:
    axes = tuple(spatial_axes)
    if any(axis < 0 for axis in axes) or len(set(axes)) < len(axes):
        raise ValueError(f"spatial axes {axes} are negative or repeated: count from 0, without batch and channel.")
    return axes


def _flip(spatial_axes: tuple[int, ...]) -> View:
    def flip(images: torch.Tensor) -> torch.Tensor:
        return images.flip(_dimensions(spatial_axes, images))

    return View(f"flip {spatial_axes}" if spatial_axes else "identity", flip, flip)


def _transposition() -> View:
    def transpose(images: torch.Tensor) -> torch.Tensor:
        return images.transpose(2, 3)

    return View("diagonal flip", transpose, transpose)


def _rotation(turns: int, plane: tuple[int, ...]) -> View:
    return View(
        f"rotation {90 * turns}" if turns else "identity",
        lambda images: images.rot90(turns, _dimensions(plane, images)),
        lambda predictions: predictions.rot90(-turns, _dimensions(plane, predictions)),
    )


def _dimensions(spatial_axes: tuple[int, ...], images: torch.Tensor) -> list[int]:
    """Return the dimensions of spatial axes in a tensor with batch and channel."""
    if max(spatial_axes, default=-1) + 2 >= images.dim():
        raise ValueError(
            f"a view has the spatial axes {spatial_axes}, an image of {list(images.shape)} only {images.dim() - 2}: "
            "count from 0, without batch and channel."
        )
    return [axis + 2 for axis in spatial_axes]


def _composition(inner: View, outer: View) -> View:
    return View(
        f"{inner.name}, {outer.name}",
        lambda images: outer.apply(inner.apply(images)),
        lambda predictions: inner.invert(outer.invert(predictions)),
    )
