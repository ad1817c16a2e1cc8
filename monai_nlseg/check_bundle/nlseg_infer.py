"""The check of the demands of ``nlseg infer``."""

from __future__ import annotations

from collections.abc import Iterator

from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.check_bundle.finding import Finding, failed, passed
from monai_nlseg.check_bundle.subject import Subject

CHECK = "nlseg infer"


def check_nlseg_infer(subject: Subject) -> Iterator[Finding]:
    """Check that ``nlseg infer`` can load the bundle, and that its weights fit its network.

    Args:
        subject: the bundle.
    """
    network = subject.network
    subject.add_weights()
    try:
        subject.bundle.requirements  # noqa: B018
        Model(subject.root)
    except ValueError as error:
        yield failed(CHECK, str(error).rstrip("."), "Correct what the message names, and check again.")
        return
    if subject.weights is not None:
        try:
            subject.bundle.load_weights(network)
        except ValueError as error:
            yield failed(CHECK, str(error).rstrip("."), "Put the weights of network_def into models/model.pt.")
            return
    weights = "its weights" if subject.weights else "weights that are not trained"
    yield passed(CHECK, f"the bundle can be loaded with {weights}")
