"""Checks of the versions that a bundle's metadata pin, which the zoo installs together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from monai_nlseg.check_bundle.finding import Finding, failed, passed, warned
from monai_nlseg.check_bundle.subject import Subject

PYTHON = "3.10"
"""The oldest Python that MONAI 1.6 and the package support."""
OWN_KEYS = {"monai_version": "monai", "pytorch_version": "torch", "numpy_version": "numpy"}
LISTS = ("required_packages_version", "optional_packages_version")


def pinned_versions(content: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """Return (key of the metadata, canonical name of the package, version) for each pin.

    Args:
        content: content of the metadata.
    """
    pins = [(key, name, str(content[key])) for key, name in OWN_KEYS.items() if key in content]
    for key in LISTS:
        packages = content.get(key)
        if isinstance(packages, Mapping):
            pins += [(key, canonicalize_name(str(name)), str(number)) for name, number in packages.items()]
    return pins


def check_agreement(subject: Subject) -> Iterator[Finding]:
    """Check that each pin is a version, and that no package excludes the version of another.

    The requirements of a package are known only for the version that is installed here.

    Args:
        subject: the bundle.
    """
    pins = pinned_versions(subject.metadata)
    found = [*_unparseable(pins), *_contradictions(pins)]
    if not found:
        found = list(_refusals({name: number for _, name, number in pins}))
    yield from found
    if not found:
        yield passed("versions", f"the {len(pins)} pinned versions agree with each other")


def check_python(subject: Subject) -> Iterator[Finding]:
    """Check that the pinned versions run on Python 3.10, as far as the packages installed here show.

    Args:
        subject: the bundle.
    """
    pins = {name: number for _, name, number in pinned_versions(subject.metadata) if _is_version(number)}
    unknown = {}
    refusing = []
    for name, number in pins.items():
        about = _installed(name, number)
        if about is None:
            unknown[name] = number
        elif (asked := about.metadata.json.get("requires_python")) and not SpecifierSet(str(asked)).contains(PYTHON):
            refusing.append(f"{name} {number} needs Python {asked}")
    for message in refusing:
        yield failed("Python 3.10", message, "Pin the last version that has a distribution for Python 3.10.")
    if unknown:
        listed = " ".join(f"{name}=={number}" for name, number in unknown.items())
        yield warned(
            "Python 3.10",
            f"{listed} {'is' if len(unknown) == 1 else 'are'} not installed here, so the Python they need is not known",
            f"Ask an index: pip download --no-deps --only-binary=:all: --python-version {PYTHON} {listed}",
        )
    if not refusing and not unknown:
        yield passed("Python 3.10", "the pinned versions run on Python 3.10")


def _is_version(number: str) -> bool:
    try:
        Version(number)
    except InvalidVersion:
        return False
    return True


def _unparseable(pins: list[tuple[str, str, str]]) -> Iterator[Finding]:
    for key, name, number in pins:
        if not _is_version(number):
            yield failed(
                "versions", f"{key} pins {name} to '{number}', which is not a version", "Give one, such as '1.6.1'."
            )


def _contradictions(pins: list[tuple[str, str, str]]) -> Iterator[Finding]:
    seen: dict[str, tuple[str, str]] = {}
    for key, name, number in pins:
        other, first = seen.setdefault(name, (key, number))
        if first != number:
            yield failed("versions", f"{name} is {first} in {other}, but {number} in {key}", "Give one version.")


def _refusals(pins: Mapping[str, str]) -> Iterator[Finding]:
    for name, number in pins.items():
        about = _installed(name, number)
        for text in (about.requires or []) if about else []:
            asked = Requirement(text)
            other = canonicalize_name(asked.name)
            applies = asked.marker is None or asked.marker.evaluate({"extra": "", "python_version": PYTHON})
            if applies and other in pins and not asked.specifier.contains(pins[other], prereleases=True):
                yield failed(
                    "versions",
                    f"{name} {number} requires {other}{asked.specifier}, but {other} {pins[other]} is pinned",
                    "Pin versions that can be installed together.",
                )


def _installed(name: str, number: str) -> metadata.Distribution | None:
    """Return the installed package if it has this version; a local part such as +cpu is ignored."""
    try:
        about = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    try:
        return about if Version(Version(about.version).public) == Version(number) else None
    except InvalidVersion:  # see check_agreement
        return None
