"""Images and label maps that belong together by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from monai_nlseg.errors import listed
from monai_nlseg.evaluation.pairs import candidates, partners
from monai_nlseg.training.cases.found import FoundCase, FoundData
from monai_nlseg.training.cases.naming import LabelName

Images = Mapping[str, tuple[str, ...]]
"""Name of a case -> the files of its channels."""
Labels = Mapping[str, tuple[str, ...]]
"""Name of a case -> its masks."""
CHOOSE = (
    "choose one of each case by patterns, --images 'images/*.png' --labels 'masks/*_seg.png'; if they are masks of "
    "several classes, first merge those of a case into one label map with a value for each class."
)


def match(images: Images, labels: Labels) -> FoundData:
    """Pair images and label maps by their names, see :func:`monai_nlseg.evaluation.names.may_be_same`.

    Args:
        images: name of a case -> the paths of its channels.
        labels: name of a case -> the paths of its masks.

    Returns:
        The cases, named like their images, and a sentence for each file that pairs with nothing.
    """
    fits, fitting = candidates(images, labels), candidates(labels, images)
    partner = partners(fits, fitting)
    taken = set(partner.values())
    left_out = []
    for name, others in fits.items():
        if name not in partner:
            left_out.append(_image_alone(images[name], name, [labels[other] for other in others]))
    for name, others in fitting.items():
        if name not in taken:
            left_out.append(_label_alone(labels[name], name, [images[other] for other in others]))
    cases = tuple(FoundCase(name, images[name], labels[other]) for name, other in partner.items())
    return FoundData(cases, left_out=tuple(left_out))


def _image_alone(files: Sequence[str], name: str, others: list[tuple[str, ...]]) -> str:
    if others:
        return f"the image {_quoted(files)} can belong to any of {_quoted(each[0] for each in others)}: {CHOOSE}"
    return f"no label map belongs to the image {_quoted(files)}: looked for '{name}', also with _mask, _seg and so on."


def _label_alone(files: Sequence[str], name: str, others: list[tuple[str, ...]]) -> str:
    if others:
        return f"the label map {_quoted(files)} can belong to any of {_quoted(each[0] for each in others)}: {CHOOSE}"
    return f"no image belongs to the label map {_quoted(files)}: looked for '{name}'."


def group_masks(named: Iterable[tuple[str, LabelName]]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Group the masks of each case.

    Masks of one image differ by a number (``x_mask.png``, ``x_mask_1.png``). Two label maps of a case that
    differ otherwise, such as ``x_mask.png`` and ``x_seg.png``, are not one: neither is used.

    Args:
        named: path and name of each label map, sorted.

    Returns:
        Name of a case -> its masks, and a sentence for each case with several label maps.
    """
    found: dict[str, list[tuple[str, LabelName]]] = {}
    for path, name in named:
        found.setdefault(name.case, []).append((path, name))
    labels, left_out = {}, []
    for case, masks in found.items():
        paths = tuple(path for path, _ in masks)
        roles, numbers = {name.role for _, name in masks}, {name.number for _, name in masks}
        if len(roles) == 1 and len(numbers) == len(masks):
            labels[case] = paths
        else:
            left_out.append(f"case '{case}' has several label maps, {_quoted(paths)}: {CHOOSE}")
    return labels, left_out


def _quoted(paths: Iterable[str]) -> str:
    return listed([f"'{path}'" for path in paths])
