"""Checks of a bundle's files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from monai_nlseg.check_bundle.finding import Finding, failed, passed, warned
from monai_nlseg.check_bundle.large_files import LARGEST_COMMITTED, listed_files
from monai_nlseg.check_bundle.subject import README, Subject

ASKED = {
    "LICENSE": "Add the bundle's licence under exactly this name.",
    README.as_posix(): "Describe the bundle in the sections that the zoo's bundles have.",
}
DATA_LICENCE = "docs/data_license.txt"
LARGEST = 25 * 1024 * 1024
"""Largest size of a file in the zoo, in bytes."""


def check_files(subject: Subject) -> Iterator[Finding]:
    """Check that the files exist that the zoo's continuous integration or specification names.

    Args:
        subject: the bundle.
    """
    missing = [name for name in ASKED if not (subject.root / name).is_file()]
    for name in missing:
        yield failed("files", f"{name} is missing", ASKED[name])
    if subject.config("inference") is None:
        missing.append("inference")
        yield failed("files", "configs/inference.json or .yaml is missing", "Add the config of the inference.")
    if not (subject.root / DATA_LICENCE).is_file():
        yield warned("files", f"{DATA_LICENCE} is missing", "State the licence of the data that were trained on.")
    scripts = subject.root / "scripts"
    if scripts.is_dir() and not (scripts / "__init__.py").is_file():
        missing.append("scripts")
        yield failed("files", "scripts/__init__.py is missing", "Add it, so that the configs can import the scripts.")
    if not missing:
        yield passed("files", "LICENSE, metadata, inference config and README are there")


def check_weights(subject: Subject) -> Iterator[Finding]:
    """Check that models/model.pt exists, or that large_files or the README says where it is.

    Args:
        subject: the bundle.
    """
    if subject.weights is not None:
        yield passed("weights", "models/model.pt is there")
    elif "models/model.pt" in listed_files(subject.root):
        yield warned(
            "weights",
            "models/model.pt is listed in large_files, but not here, so that it is not checked",
            "Download it by python -m monai.bundle download_large_files, and check again.",
        )
    elif "no weights are shipped" in subject.readme.lower():
        yield warned(
            "weights",
            "the bundle ships no weights, as its README says",
            "Train it, and for the zoo ask to be listed in exclude_verify_preferred_files_list.",
        )
    else:
        yield failed(
            "weights",
            "models/model.pt is missing",
            "Add the weights, list them in large_files.yml, or write 'No weights are shipped' into docs/README.md.",
        )


def check_sizes(subject: Subject) -> Iterator[Finding]:
    """Check the sizes of the files that are not in large_files.

    Weights above the zoo's limit are a warning, as they are uploaded apart; another file of that size is a failure.

    Args:
        subject: the bundle.
    """
    sizes = {
        path.relative_to(subject.root).as_posix(): path.stat().st_size
        for path in sorted(subject.root.rglob("*"))
        if path.is_file()
    }
    found = False
    listed = listed_files(subject.root)
    for name in sizes:
        if name in listed or sizes[name] <= LARGEST_COMMITTED:
            continue
        found = True
        report = failed if sizes[name] > LARGEST and not name.startswith("models/") else warned
        limit = "25 MB of a file in the zoo" if sizes[name] > LARGEST else "1024 KB of a file in a commit to the zoo"
        yield report(
            "sizes",
            f"{name} has {sizes[name] / 1024 / 1024:.1f} MB, above the {limit}",
            "For the zoo, upload it and list it by nlseg check-bundle DIR --large-files URL > DIR/large_files.yml.",
        )
    if not found:
        yield passed("sizes", "every file is within 1024 KB or listed in large_files")


def check_json(subject: Subject) -> Iterator[Finding]:
    """Check that the JSON configs are indented as by the zoo's pre-commit.

    Args:
        subject: the bundle.
    """
    files = sorted(path for path in (subject.root / "configs").glob("*.json") if path.is_file())
    other = [path.name for path in files if not _indented(path)]
    if other:
        yield warned(
            "JSON",
            f"{' and '.join(other)} {'is' if len(other) == 1 else 'are'} not indented by 4",
            "Write each by json.dumps(content, indent=4), as the zoo's pre-commit does.",
        )
    else:
        yield passed("JSON", "the JSON files are indented by 4")


def _indented(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except ValueError:
        return True  # reported by other checks
    return text.strip() in (json.dumps(content, indent=4), json.dumps(content, indent=4, ensure_ascii=False))
