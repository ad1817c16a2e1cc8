"""Checks of a bundle's network on the sizes that its metadata declare."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from monai.bundle import verify_net_in_out
from monai.bundle.scripts import _get_fake_spatial_shape  # as verify_net_in_out reads a declared shape
from monai.networks.utils import convert_to_torchscript

from monai_nlseg.check_bundle.finding import Finding, failed, passed
from monai_nlseg.check_bundle.subject import Subject
from monai_nlseg.errors import sentence

SIZES = ({"n": 1, "p": 1, "any": 1}, {"n": 2, "p": 1, "any": 32}, {"n": 3, "p": 2, "any": 48})
"""Values of n, p and "*" in a declared shape, the smallest, which the zoo tries, first."""
LARGEST = 2**21
"""Largest number of elements of an input after the first, so that a check takes seconds."""


def check_shapes(subject: Subject) -> Iterator[Finding]:
    """Check the network on the declared sizes by MONAI's ``verify_net_in_out``, and the size of its output.

    MONAI compares the channels and the type of the output; its spatial size is compared here only. The first size that
    is wrong ends the check.

    Args:
        subject: the bundle.
    """
    image, pred = subject.data_format("inputs", "image"), subject.data_format("outputs", "pred")
    network = subject.network
    seen: list[tuple[int, ...]] = []
    for sizes in SIZES:
        shape = _get_fake_spatial_shape(image["spatial_shape"], **sizes)
        if shape in seen or seen and image["num_channels"] * math.prod(shape) > LARGEST:
            continue
        seen.append(shape)
        try:
            found = _output_shape(subject, network, sizes)
        except Exception as error:
            yield failed(
                "shapes",
                f"an image of {_text(shape)} is declared, but fails ({sentence(error).rstrip('.')})",
                "Declare the num_channels and the dtype of network_def, and only sizes that it takes, from n = 1 up.",
            )
            return
        declared = _get_fake_spatial_shape(pred["spatial_shape"], **sizes)
        if declared and found != declared:
            yield failed(
                "shapes",
                f"the output of an image of {_text(shape)} is {_text(found)}, but {_text(declared)} is declared",
                "Declare the output's spatial_shape as it is.",
            )
            return
    yield passed("shapes", f"images of {', '.join(map(_text, seen))} give what the metadata declare")


def check_torchscript(subject: Subject) -> Iterator[Finding]:
    """Check that the network can be scripted, which the zoo's export does, or that the README says it cannot.

    Args:
        subject: the bundle.
    """
    network = subject.network
    try:
        convert_to_torchscript(network)
    except Exception as error:
        if any("torchscript" in line and "not" in line.split() for line in subject.readme.lower().splitlines()):
            yield passed("TorchScript", "the README says that the network is not exported to TorchScript")
        else:
            yield failed(
                "TorchScript",
                f"the network cannot be scripted ({sentence(error).rstrip('.')})",
                "Make it scriptable, or write into the README that TorchScript is not supported, and inform the zoo.",
            )
    else:
        yield passed("TorchScript", "the network can be exported to TorchScript")


def _output_shape(subject: Subject, network: torch.nn.Module, sizes: dict[str, int]) -> tuple[int, ...]:
    """Run MONAI's verification on a size and return the spatial shape of the output."""
    shapes: list[tuple[int, ...]] = []

    def note(module: torch.nn.Module, inputs: Any, output: Any) -> None:
        if not isinstance(output, torch.Tensor):
            raise ValueError(f"the network returns a {type(output).__name__}, where the zoo takes one tensor")
        shapes.append(tuple(output.shape[2:]))

    hook = network.register_forward_hook(note)
    try:
        verify_net_in_out(
            net_id="network_def",
            meta_file=str(subject.bundle.metadata_file),
            config_file=str(subject.config("inference")),
            device="cpu",
            network_def=network,
            bundle_root=str(subject.root),
            **sizes,
        )
    finally:
        hook.remove()
    return shapes[0]


def _text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
