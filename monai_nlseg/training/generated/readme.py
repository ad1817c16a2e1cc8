"""The texts of a bundle: the model card, and what the owner decides."""

from __future__ import annotations

from pathlib import Path

from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.planning.show import rows

LICENSE = """The owner of this bundle has not chosen a licence yet, so all rights are reserved.

Replace this file by the licence under which the configs and the weights may be used, and docs/data_license.txt by the
terms of the data that were trained on.
"""
DATA_LICENSE = """The owner of this bundle has not stated the licence of the data yet.

The data themselves are not part of this bundle.
"""
LOGGING = """[loggers]
keys=root

[handlers]
keys=consoleHandler

[formatters]
keys=fullFormatter

[logger_root]
level=INFO
handlers=consoleHandler

[handler_consoleHandler]
class=StreamHandler
level=INFO
formatter=fullFormatter
args=(sys.stdout,)

[formatter_fullFormatter]
format=%(asctime)s - %(name)s - %(levelname)s - %(message)s
"""


def readme(recipe: Recipe, performance: str) -> str:
    """Return the model card, in the sections of MONAI's model zoo.

    Args:
        recipe: the recipe of the bundle.
        performance: the text of the section Performance.
    """
    settings, found = recipe.settings, recipe.found
    kind = "pictures" if recipe.pictures else "volumes"
    channels = ", ".join(found.channels)
    return f"""# Model Overview

{settings.network.name} for {", ".join(recipe.classes.names)} in {kind}, trained by `nlseg train`.

**Research only, not for clinical use.**

## Data

{len(found.cases)} labelled cases of {len({each.case.subject for each in found.cases})} subjects. The images have \
{len(found.channels)} channel{"s" * (len(found.channels) > 1)}: {channels}.

| value in a label map | class | cases with it |
|---|---|---|
{_class_rows(recipe)}
{_findings(recipe)}
## Training configuration

| setting | value | reason |
|---|---|---|
{_setting_rows(recipe)}

## Memory Consumption

Training keeps the cases in memory, about {recipe.cached_gb:g} GB, as far as they fit into half of what is free. \
Inference keeps the image and the probabilities of \
{recipe.outputs} channels.

## Input

{len(found.channels)} channel{"s" * (len(found.channels) > 1)} ({channels}), {kind} like those that were trained on; \
`input_requirements` in `metadata.json` says what is measured of each image.

## Output

{recipe.outputs} channels of logits. `inference.json` writes a label map with the values above.

## Performance

{performance}

## MONAI Bundle Commands

```sh
# label maps of a folder of images
nlseg infer --bundle BUNDLE --input IMAGES --output LABELS
python -m monai.bundle run --config_file BUNDLE/configs/inference.json --dataset_dir IMAGES --output_dir LABELS

# training on a datalist with folds, resumed training, several GPUs, evaluation
python -m monai.bundle run --config_file BUNDLE/configs/train.json --datalist_file DATALIST --fold 0 --ckpt_dir RUN \\
    --output_dir RUN
python -m monai.bundle run --config_file BUNDLE/configs/train.json --datalist_file DATALIST --fold 0 --ckpt_dir RUN \\
    --output_dir RUN --resume True
torchrun --nproc_per_node=2 -m monai.bundle run \\
    --config_file "['BUNDLE/configs/train.json','BUNDLE/configs/multi_gpu_train.json']" --datalist_file DATALIST \\
    --fold 0 --ckpt_dir RUN --output_dir RUN
python -m monai.bundle run --config_file "['BUNDLE/configs/train.json','BUNDLE/configs/evaluate.json']" \\
    --datalist_file DATALIST --fold 0 --checkpoint RUN/model.pt --output_dir RUN

# export of the network
nlseg export --bundle BUNDLE --format pt2
```

## References

See `metadata.json`.

## License

See LICENSE, and docs/data_license.txt for the data.
"""


def _class_rows(recipe: Recipe) -> str:
    lines = []
    for value, each in zip(recipe.values, recipe.classes.foreground):
        having = sum(any(case.voxels.get(number) for number in each.values) for case in recipe.found.cases)
        lines.append(f"| {value} | {each.name} | {having} |")
    return "\n".join(lines)


def _findings(recipe: Recipe) -> str:
    """Return what was found in the data without anything that names a case, whose name may be that of a patient."""
    found = recipe.found
    names = {name for each in found.cases for name in (each.name, each.case.subject)}
    texts = [each.text for each in found.findings if not each.cases and each.text not in found.data.notes]
    texts = [f"- {text}" for text in texts if not any(name in text for name in names)]
    if left := len(found.findings) - len(texts):
        texts.append(f"- {left} more, not repeated here because they may name cases: see the run's `inspection.html`.")
    return "\nWhat was found in the data:\n\n" + "\n".join(texts) + "\n" if texts else ""


def _setting_rows(recipe: Recipe) -> str:
    settings = recipe.settings
    if settings.initial_bundle is not None:  # its path may name a person
        settings = settings.model_copy(update={"initial_bundle": Path(settings.initial_bundle).name})
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows(settings, recipe.plan.reasons))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
