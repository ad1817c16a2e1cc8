"""Load the inference workflow of a bundle, with its weights and without any data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai.handlers import CheckpointLoader

from monai_nlseg.bundle.bundle import Bundle
from monai_nlseg.bundle.configs import require_ids
from monai_nlseg.bundle.errors import explained
from monai_nlseg.bundle.overrides import require_known_ids
from monai_nlseg.bundle.workflow import Workflow
from monai_nlseg.errors import sentence
from monai_nlseg.quiet import notices_silenced

NEEDED = ("network_def", "inferer", "evaluator", "dataset")


def load_inference(bundle: Bundle, overrides: Mapping[str, Any]) -> Workflow:
    """Load a bundle's inference config and its weights, without any data.

    A bundle that makes its network faster for inference does so under the id ``optimized_network``: in ``run``, because
    after ``initialize`` alone ``monai.bundle.load`` copies weights into the network.

    Args:
        bundle: the bundle.
        overrides: config id -> value.

    Raises:
        ValueError: for an unknown id, another ``bundle_root``, a config without the ids that are needed, or what cannot
            be loaded.
    """
    if "bundle_root" in overrides:
        raise ValueError(
            f"bundle_root '{overrides['bundle_root']}' would take the weights of a bundle other than {bundle.name}: "
            "give that bundle instead."
        )
    require_known_ids(bundle.config_files(["inference"]), overrides)
    with notices_silenced(summaries=False):
        workflow = bundle.workflow("inference", workflow_type="infer", **overrides)
        require_ids(workflow.parser, NEEDED, f"the config inference of {bundle.name}")
        dataset = workflow.parser["dataset"]
        if isinstance(dataset, dict) and "data" in dataset:
            dataset["data"] = []
        try:
            workflow.initialize()
            for handler in content(workflow, "handlers") or []:
                if isinstance(handler, CheckpointLoader):
                    handler(workflow.parser.get_parsed_content("evaluator"))
            content(workflow, "optimized_network")  # in place, as the shipped bundles' run does it
        except Exception as error:
            reason = explained(error) or ValueError(f"the bundle {bundle.name} cannot be loaded: {sentence(error)}")
            raise reason from None
    return workflow


def content(workflow: Workflow, name: str) -> Any:
    """Return what a workflow makes of an id, or None if its configs do not have it.

    Args:
        workflow: the workflow, initialized.
        name: the id.
    """
    return workflow.parser.get_parsed_content(name) if name in workflow.parser else None
