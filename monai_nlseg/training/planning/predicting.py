"""What it will cost to segment an image with the settings of a plan."""

from __future__ import annotations

from monai_nlseg.inferers import StepWindowInferer
from monai_nlseg.inferers.cost import inference_cost
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.pace import case_shape
from monai_nlseg.training.planning.settings import Settings
from monai_nlseg.training.planning.verify import build
from monai_nlseg.training.planning.words import by


def predicting_words(settings: Settings, found: Fingerprint) -> str:
    """Return the sentence about what an image of median size will cost, found without running the network.

    Args:
        settings: the settings.
        found: the fingerprint.
    """
    inferer = StepWindowInferer(roi_size=settings.sampling.window, step=settings.inference.step)
    shape = case_shape(settings, found)
    try:
        network = build(settings.network.target, settings.network.arguments)
        cost = inference_cost(inferer, network, (len(found.channels), *shape), measure=False)
    except ValueError as error:
        return f"For an image of median size: {error}"
    except Exception:  # some networks look at values, which are not there
        return "What an image of median size takes cannot be estimated for this network."
    return f"An image of median size ({by(shape)}): {cost}."
