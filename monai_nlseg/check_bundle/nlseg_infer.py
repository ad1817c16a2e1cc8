"""The demands of ``nlseg infer`` on a bundle."""

from __future__ import annotations

from collections.abc import Iterator

from monai_nlseg.bundle import input_requirements
from monai_nlseg.bundle_parts import load_weights
from monai_nlseg.check_bundle.finding import Finding, failed, passed
from monai_nlseg.check_bundle.subject import Subject
from monai_nlseg.cohort.model import Model

__all__ = ["check_nlseg_infer"]

CHECK = "nlseg infer"


def check_nlseg_infer(subject: Subject) -> Iterator[Finding]:
    """Check that ``nlseg infer`` can load the bundle, and that its weights are those of its network."""
    network = subject.network
    subject.add_weights()
    try:
        input_requirements(subject.root)
        Model(subject.root)
    except ValueError as error:
        yield failed(CHECK, str(error).rstrip("."), "Mend what the message names, and check again.")
        return
    if subject.weights is not None:
        try:
            load_weights(network, subject.root, subject.weights)
        except ValueError as error:
            yield failed(CHECK, str(error).rstrip("."), "Put the weights of network_def into models/model.pt.")
            return
    weights = "its weights" if subject.weights else "weights that are not trained"
    yield passed(CHECK, f"the bundle can be loaded with {weights}")
