"""Bundles that have been trained for a few steps, each once for all tests."""

from __future__ import annotations

import pytest
import torch

from monai_nlseg.bundle import Bundle
from monai_nlseg.quiet import notices_silenced
from monai_nlseg.training.generated import store_weights, write_bundle
from tests.training.generated.factory import make_plan


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Kind -> folder of its data, in which ``segmentation`` is the bundle and ``run`` what the training wrote."""
    done = {}

    def train(kind):
        if kind not in done:
            folder = tmp_path_factory.mktemp(kind)
            bundle = write_bundle(folder / "segmentation", make_plan(kind, folder), kind)
            run = str(folder / "run")
            workflow = Bundle(bundle).workflow("train", workflow_type="train", ckpt_dir=run, output_dir=run)
            run_alone(workflow)
            store_weights(bundle, [folder / "run" / "model.pt"])
            done[kind] = folder
        return done[kind]

    return train


def run_alone(workflow):
    """Run a workflow with one thread: for networks this small, several would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with notices_silenced(summaries=False):
            workflow.initialize()
            workflow.run()
            workflow.finalize()
    finally:
        torch.set_num_threads(threads)
