"""The batch size, as large as is good and as memory allows."""

from __future__ import annotations

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.draft import Draft
from monai_nlseg.training.planning.memory import training_memory
from monai_nlseg.training.planning.network_rules import Built
from monai_nlseg.training.planning.processor import Processor
from monai_nlseg.training.planning.sampling import is_whole, wanted_batch
from monai_nlseg.training.planning.words import by, gigabytes

USABLE = 0.8
"""Share of the free memory that a training may take."""


def choose_batch(draft: Draft, found: Fingerprint, network: Built, machine: Processor, bfloat16: bool) -> Choice[int]:
    """Choose the windows or pictures of a step.

    Args:
        draft: the settings so far: geometry and window.
        found: the fingerprint.
        network: the network.
        machine: what this machine can do.
        bfloat16: whether it computes in bfloat16.

    Raises:
        ValueError: if not even one fits into memory.
    """
    window, size = draft.values["sampling.window"], draft.values["geometry.size"]
    whole = is_whole(window, size)
    wanted = wanted_batch(found, whole, machine.gpu)
    thing = "pictures" if whole else "windows"
    try:
        memory = training_memory(network.module, (network.inputs, *window), bfloat16)
    except Exception:  # some networks look at values, which fake tensors do not have
        return Choice(wanted, f"{wanted} {thing} a step; the memory of this network cannot be estimated.")
    batch = min(wanted, int((USABLE * machine.memory - memory.fixed) // max(memory.each, 1)))
    if batch < 1:
        raise ValueError(
            f"a training step on one window of {by(window)} needs about {gigabytes(memory.of(1))}, and "
            f"{gigabytes(machine.memory)} are free: give smaller windows with --set sampling.window=[...], another "
            "network, or free some memory."
        )
    less = "" if batch == wanted else f" ({wanted} would be better and do not fit)"
    return Choice(
        batch,
        f"{batch} {thing} a step{less}: about {gigabytes(memory.of(batch))} at the peak of training, to within a "
        f"third, besides the images that are kept in memory; {gigabytes(machine.memory)} are free.",
    )
