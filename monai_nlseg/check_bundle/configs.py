"""Checks of the ids in a bundle's configs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from monai.utils import BundlePropertyConfig
from monai.utils.enums import BundleProperty

from monai_nlseg.bundle import Workflow
from monai_nlseg.bundle.configs import references
from monai_nlseg.bundle.find import CONFIG_SUFFIXES
from monai_nlseg.check_bundle.finding import Finding, failed, passed, warned
from monai_nlseg.check_bundle.subject import Subject
from monai_nlseg.errors import sentence

KINDS = {"inference": "infer", "train": "train"}
CHECK = "config ids"


def check_properties(subject: Subject) -> Iterator[Finding]:
    """Check the ids of MONAI's ``InferProperties`` and ``TrainProperties``, on workflows built without data.

    Args:
        subject: the bundle.
    """
    if subject.config("inference"):
        subject.add_weights()
    for name, kind in KINDS.items():
        if (path := subject.config(name)) is None:
            continue
        parser = subject.parser(name)
        if "output_dir" not in parser:
            yield warned(CHECK, f"{path.name} has no output_dir", "Define it, as the zoo asks where files are written.")
        data = {"dataset_dir": str(subject.root / "no_data")} if "dataset_dir" in parser else {}
        workflow = subject.bundle.workflow(name, workflow_type=kind, **data)
        missing = [
            about[BundlePropertyConfig.ID]
            for about in workflow.properties.values()
            if about[BundleProperty.REQUIRED] and about[BundlePropertyConfig.ID] not in parser
        ]
        if missing:
            yield failed(CHECK, f"{path.name} has no {_shown(missing)}", "Define what MONAI's properties name.")
        else:
            yield from _built(workflow, path.name)


def check_overlays(subject: Subject) -> Iterator[Finding]:
    """Check that each config refers only to ids that are defined, alone or laid over inference or train.

    Args:
        subject: the bundle.
    """
    names = sorted(
        path.stem
        for path in (subject.root / "configs").iterdir()
        if path.suffix in CONFIG_SUFFIXES and path.stem != "metadata"
    )
    subject.bundle.config_files(names)
    wrong = {name: reason for name in names if (reason := _unresolved(subject, name, names))}
    for name, reason in wrong.items():
        yield failed("overlays", f"{name} {reason}", "Define the ids, or lay the config over inference or train.")
    if not wrong:
        yield passed("overlays", f"all references of {', '.join(names)} are defined")


def _unresolved(subject: Subject, name: str, names: Sequence[str]) -> str:
    """Return what is wrong with a config laid over the base that fits it best; empty if nothing is."""
    bases: list[tuple[str, ...]] = [()]
    if name not in KINDS:
        bases += [(base,) for base in KINDS if base in names]
        # A config for several GPUs may overlay another overlay.
        bases += [("train", other) for other in names if "train" in names and other not in (*KINDS, name)]
    reasons = {}
    for base in bases:
        try:
            unknown = _unknown(subject, (*base, name)) - (_unknown(subject, base) if base else set())
        except KeyError as error:
            lacking = str(error.args[0]).removeprefix("query key: ")
            reasons[f"cannot be laid over {' with '.join(base) or 'nothing'}, which lacks {lacking}"] = sys.maxsize
            continue
        if not unknown:
            return ""
        reasons[f"refers to {_shown(unknown)}, which no config defines"] = len(unknown)
    return min(reasons, key=lambda reason: reasons[reason])


def _built(workflow: Workflow, name: str) -> Iterator[Finding]:
    try:
        workflow.initialize()
        wrong = workflow.check_properties()
    except Exception as error:
        yield warned(
            CHECK,
            f"{name} cannot be checked without data ({sentence(error).rstrip('.')})",
            "Let it be built without data, or check it with data by ConfigWorkflow.check_properties().",
        )
        return
    if wrong:
        yield failed(
            CHECK, f"{name} has {', '.join(wrong)} under another id", "Use the ids of monai.bundle.properties."
        )
    else:
        yield passed(CHECK, f"{name} has the ids of MONAI's properties")


def _shown(ids: Iterable[str]) -> str:
    """Write ids as configs do; MONAI itself separates their parts by ``::``."""
    return ", ".join(sorted(ids)).replace("::", "#")


def _unknown(subject: Subject, names: tuple[str, ...]) -> set[str]:
    """Return the ids that configs, overlaid in this order, refer to without having them."""
    parser = subject.parser(*names)
    parser.resolve_macro_and_relative_ids()
    return {name for name in references(parser.get()) if name not in parser}
