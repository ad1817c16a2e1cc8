"""What every experiment file that ships with the package has to fulfil."""

from __future__ import annotations

from typing import Any

import torch
from monai.bundle import ConfigParser

from monai_nlseg.bundle import find_bundle, require_known_ids
from monai_nlseg.bundle.find import config_file
from monai_nlseg.experiments import Experiment


def config(experiment: Experiment, model: str, variant: str | None = None) -> ConfigParser:
    """The bundle's config of the training of ``model``, or of its evaluation by ``variant`` ("" if there is one only),
    with the file's overrides, all of which must be known to it."""
    root = find_bundle(experiment.bundle)
    names = list(experiment.train_configs)
    overrides = {**experiment.overrides, **experiment.trained()[model]}
    if variant is not None:
        names.append("evaluate")
        overrides |= {**experiment.evaluation, **experiment.inference.get(variant, {})}
    files = [str(config_file(root, name)) for name in names]
    require_known_ids(files, overrides)
    parser = ConfigParser()
    parser.read_config(files)
    parser.update(overrides)
    return parser


def count_and_shape(
    experiment: Experiment, model: str, shape: tuple[int, ...], **overrides: Any
) -> tuple[int, tuple[int, ...]]:
    """Parameters of the network of ``model``, and the shape of its logits in training for a batch of ``shape``."""
    parser = config(experiment, model)
    parser.update(overrides)
    # The meta device computes nothing but shapes.
    network = parser.get_parsed_content("network_def").to("meta").train()
    return sum(each.numel() for each in network.parameters()), tuple(network(torch.zeros(shape, device="meta")).shape)


def metrics(experiment: Experiment, row: str) -> set[str]:
    """Names of the metrics that the evaluator measures for a row."""
    parser = config(experiment, *experiment.rows()[row])
    additional = parser["validate#evaluator"].get("additional_metrics", {})
    if isinstance(additional, str):  # "@validate#additional_metrics"
        additional = parser[additional.removeprefix("@")]
    return set(parser["validate#key_metric"]) | set(additional)


def check_metrics(experiment: Experiment) -> None:
    """Every column shows what the evaluator measures."""
    shown = {column.metric for table in experiment.tables for column in table.columns.values() if column.metric}
    for row in experiment.rows():
        assert shown <= metrics(experiment, row)


def published_only(experiment: Experiment) -> set[str]:
    """Rows of which there are published values alone."""
    return {row for table in experiment.tables for row in table.published} - set(experiment.rows())
