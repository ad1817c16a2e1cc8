"""The bundle whose weights a training starts from: its network, and how it sees an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monai_nlseg.bundle import find_bundle
from monai_nlseg.bundle.bundle import Bundle
from monai_nlseg.bundle.configs import require_ids
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.measures import output_channels
from monai_nlseg.training.planning.networks import BEGINNINGS, NETWORKS
from monai_nlseg.training.planning.settings import Intensity


@dataclass(frozen=True)
class InitialBundle:
    """What a plan takes from a bundle.

    Attributes:
        name: name of the bundle.
        path: its folder.
        target: dotted path of its network's class.
        arguments: arguments of the class.
        window: sides of the windows that it was trained on, else of those that it infers, else of its resized pictures;
            None if its configs do not say.
        size: rows and columns that it resizes pictures to, None if it does not.
        spacing: mm that it resamples to, None if it does not.
        orientation: axis codes that it turns volumes to, None if it does not.
        intensity: its normalisation, of each channel or of all; None if it is none of the kinds that a plan knows.
    """

    name: str
    path: str
    target: str
    arguments: Mapping[str, Any]
    window: tuple[int, ...] | None
    size: tuple[int, ...] | None
    spacing: tuple[float, ...] | None
    orientation: str | None
    intensity: tuple[Intensity, ...] | None

    def choose(self, name: str, rule: Callable[[], Choice[Any]]) -> Choice[Any]:
        """Choose what the bundle has, or else by a rule.

        Args:
            name: name of one of the attributes.
            rule: makes the choice if the bundle does not say.
        """
        value = getattr(self, name)
        return rule() if value is None else Choice(value, f"As in {self.name}, from whose weights training starts.")

    @property
    def network(self) -> str:
        """The short name of the network if a plan knows it, else the dotted path of its class."""
        return next(
            (
                name
                for name, known in NETWORKS.items()
                if known.target == self.target and known.arguments.get("size") == self.arguments.get("size")
            ),
            self.target,
        )

    def arguments_for(self, found: Fingerprint) -> Choice[dict[str, Any]]:
        """Return the arguments of the network for other channels and classes.

        Args:
            found: the fingerprint of the data that it is trained on.

        Raises:
            ValueError: if it is a network for images of other dimensions.
        """
        dims = self.arguments.get("spatial_dims", 2)
        if dims != found.spatial_dims:
            raise ValueError(
                f"the network of {self.name} takes images of {dims} dimensions, and these have {found.spatial_dims}: "
                "start from another bundle, or from none."
            )
        for name, value, length in (
            ("size", self.size, 2),
            ("spacing", self.spacing, 3),
            ("window", self.window, dims),
        ):
            if value is not None and len(value) != length:
                raise ValueError(f"the {name} of {self.name} is {list(value)}: give {length} values in its config.")
        before = self.arguments.get("in_channels"), self.arguments.get("out_channels")
        after = len(found.channels), output_channels(found)
        changed = {"in_channels": after[0], "out_channels": after[1]}
        said = [
            f"{new} {what} instead of {old}"
            for old, new, what in zip(before, after, ("channels in", "outputs"))
            if old != new
        ]
        reason = f"As in {self.name}" + (
            f", with {' and '.join(said)}, whose weights are adapted or new." if said else "."
        )
        return Choice({**self.arguments, **changed}, reason)


def read_initial(bundle: str) -> InitialBundle:
    """Read what a plan takes from a bundle; nothing in its configs is executed.

    Args:
        bundle: folder of the bundle, or the name of a shipped one.

    Raises:
        ValueError: if there is no such bundle, or its inference config does not say plainly what its network is.
    """
    found = Bundle(find_bundle(bundle))
    parser = found.config("inference")
    require_ids(parser, ["network_def"], f"the config inference of {found.name}")
    config = parser.config
    # Of several folds, "network_def" averages copies of "member_def".
    network = _resolved(config, config.get("member_def", config["network_def"]))
    if not isinstance(network, dict) or "_target_" not in network or _has_code(network):
        raise ValueError(
            f"network_def of {found.name} is not a class with plain arguments: start from another bundle, or set "
            "network.target and network.arguments."
        )
    arguments = {name: value for name, value in network.items() if not name.startswith("_") and name not in BEGINNINGS}
    steps = {
        str(each["_target_"]).rpartition(".")[2]: each
        for each in _transforms(_resolved(config, config.get("preprocessing")))
    }
    sizes = steps.get("Resized", {})
    size = _numbers(sizes.get("spatial_size")) if sizes.get("size_mode", "all") == "all" else None
    window = _trained_window(found) or _numbers(_resolved(config, config.get("roi_size"))) or size
    orientation = steps.get("Orientationd", {}).get("axcodes")
    return InitialBundle(
        name=found.name,
        path=str(found.root),
        target=str(network["_target_"]),
        arguments=arguments,
        window=window,
        size=size,
        spacing=_numbers(steps.get("Spacingd", {}).get("pixdim")),
        orientation=orientation if isinstance(orientation, str) else None,
        intensity=_intensity(steps),
    )


def _trained_window(bundle: Bundle) -> tuple[int, ...] | None:
    if not bundle.has_config("train"):
        return None
    config = bundle.config("train").config
    return _numbers(_resolved(config, config.get("roi_size")))


def _intensity(steps: Mapping[str, Mapping[str, Any]]) -> tuple[Intensity, ...] | None:
    if "EachChanneld" in steps:
        found = [_of_channel(each) for each in steps["EachChanneld"]["transforms"]]
    else:
        names = ("NormalizeIntensityd", "NormalizeForegroundd", "ScaleIntensityRanged")
        found = [_of_channel(steps[name]) for name in names if name in steps]
    known = tuple(each for each in found if each is not None)
    return known if known and len(known) == len(found) else None


def _of_channel(step: Mapping[str, Any]) -> Intensity | None:
    """Return the normalisation that a transform does; None if a plan knows no such."""
    name = str(step["_target_"]).rpartition(".")[2].removesuffix("d")
    if name == "NormalizeForeground":
        return Intensity(kind="zscore-nonzero")
    if name == "NormalizeIntensity":
        return Intensity(kind="zscore-nonzero" if step.get("nonzero") else "zscore")
    limits = [step.get(key) for key in ("a_min", "a_max", "b_min", "b_max")]
    if name != "ScaleIntensityRange" or not all(isinstance(limit, int | float) for limit in limits):
        return None
    if not step.get("clip"):
        return Intensity(kind="unit") if limits == [0, 255, 0, 1] else None
    lower, upper, least, most = map(float, limits)  # type: ignore[arg-type]
    if not (lower < upper and least < most):
        return None
    deviation = (upper - lower) / (most - least)
    return Intensity(kind="range", lower=lower, upper=upper, mean=lower - least * deviation, deviation=deviation)


def _transforms(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        if "_target_" in config:
            yield config
        for value in config.values():
            yield from _transforms(value)
    for value in config if isinstance(config, list) else ():
        yield from _transforms(value)


def _resolved(config: Mapping[str, Any], value: Any, depth: int = 20) -> Any:
    """Replace references to other ids by their values; expressions stay texts."""
    if depth == 0:
        return value
    if isinstance(value, str) and value.startswith("@") and value[1:] in config:
        return _resolved(config, config[value[1:]], depth - 1)
    if isinstance(value, dict):
        return {key: _resolved(config, part, depth - 1) for key, part in value.items()}
    return [_resolved(config, part, depth - 1) for part in value] if isinstance(value, list) else value


def _has_code(value: Any) -> bool:
    if isinstance(value, str):
        return value.startswith(("$", "@", "%"))
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_has_code, parts))


def _numbers(value: Any) -> tuple[Any, ...] | None:
    whole = isinstance(value, list) and all(isinstance(each, int | float) and each > 0 for each in value)
    return tuple(value) if whole and value else None
