"""Convert published weights into the file that a bundle loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from monai_nlseg.io.files import written_beside
from monai_nlseg.networks.weights import nonlocal_unet_state_from_tf, nonlocal_unet_variant, read_tf_variables


def convert_nonlocal_unet(source: str | Path, destination: str | Path) -> dict[str, Any]:
    """Convert a file of published variables into a state dict file for :meth:`torch.nn.Module.load_state_dict`.

    Args:
        source: as :func:`~monai_nlseg.networks.weights.read_tf_variables` reads.
        destination: the ``.pt`` file to write.

    Returns:
        "variant" (the named constructor that loads it), "parameters" (trainable ones).

    Raises:
        ValueError: for an existing destination, or as the two steps raise.
    """
    destination = Path(destination)
    if destination.exists():
        raise ValueError(f"'{destination}' exists: give another name, or remove it first.")
    if not destination.parent.is_dir():
        raise ValueError(f"the folder '{destination.parent}' does not exist: make it first.")
    variables = read_tf_variables(source)
    state = nonlocal_unet_state_from_tf(variables)
    with written_beside(destination) as beside, beside.open("wb") as file:
        torch.save(state, file)
    running = (".running_mean", ".running_var", ".num_batches_tracked")
    return {
        "variant": nonlocal_unet_variant(variables),
        "parameters": sum(tensor.numel() for key, tensor in state.items() if not key.endswith(running)),
    }
