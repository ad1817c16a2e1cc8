"""Commands that run, export and plan bundles, and the demonstration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from monai_nlseg.cli.console import chosen_device, numbers, say
from monai_nlseg.cli.overrides import overrides_of_options

__all__ = ["convert", "demo", "export", "plan", "run"]


def demo(
    task: Annotated[str, typer.Option(help="brain, retina, breast or fetal-head.")] = "brain",
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("nlseg-demo"),
    bundle: Annotated[
        str | None, typer.Option(help="Another bundle for the task: a name or a folder.", show_default=False)
    ] = None,
) -> None:
    """Segment one image and draw the result.

    The weights ship with the package. The image is the MNI152 template of nilearn for `brain`, the photograph of
    scikit-image for `retina`, and a simulated one for `breast` and `fetal-head`.
    """
    from monai_nlseg.demo import run_demo

    result = run_demo(task, output, bundle)
    for reference, dice in result.dice.items():
        say(f"Dice {reference}: {dice:.3f}")
    say(f"label map: {result.labels}")
    say(f"picture:   {result.picture}")


def run(
    context: typer.Context,
    bundle: Annotated[str, typer.Argument(help="Name of a shipped bundle, or the folder of any bundle.")],
    configs: Annotated[str, typer.Argument(help="Config names, comma separated, e.g. inference or train,evaluate.")],
) -> None:
    """Run configs of a bundle.

    It does what `python -m monai.bundle run` does, but finds the bundle's files by itself, and ends in one sentence
    where that ends in a traceback. Further options override config ids:

    `nlseg run brain_t1_nonlocal_unet_segmentation inference --dataset_dir scans --output_dir labels`
    """
    from monai_nlseg.bundle import run_bundle

    run_bundle(bundle, configs.split(","), overrides_of_options(context.args))


def convert(
    source: Annotated[Path, typer.Argument(help="Published variables: an .npz file or a TensorFlow checkpoint.")],
    destination: Annotated[Path, typer.Argument(help="State dict to write (.pt).")],
) -> None:
    """Convert published TensorFlow weights.

    They are those of the Non-local U-Net, and become a state dict of PyTorch.
    """
    from monai_nlseg.networks.weights import convert_nonlocal_unet

    summary = convert_nonlocal_unet(source, destination)
    say(f"wrote {destination}: " + ", ".join(f"{key} {value}" for key, value in summary.items()))


def export(
    bundle: Annotated[str, typer.Option(help="Name of a shipped bundle, or the folder of any bundle.")],
    format: Annotated[str, typer.Option(help="torchscript, pt2, onnx or openvino.")],
    output: Annotated[Path | None, typer.Option(help="File to write; models/model.* of the bundle by default.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Weights; the bundle's own by default.")] = None,
) -> None:
    """Export a bundle's network.

    The file runs without the package's Python code, and is checked against the network before it is written. It takes
    windows of the bundle's `roi_size` only, in batches of any size.
    """
    from monai_nlseg.export import export_bundle

    path, difference = export_bundle(bundle, format, output, checkpoint)
    say(f"wrote {path}: logits differ by {difference:.1e} at most")


def plan(
    bundle: Annotated[str, typer.Option(help="Name of a shipped bundle, or the folder of any bundle.")],
    shape: Annotated[str, typer.Option(help="Voxels of an image along each axis, comma separated.")],
    step: Annotated[int | None, typer.Option(help="Step in voxels; the bundle's own by default.", min=1)] = None,
    labels: Annotated[bool, typer.Option("--labels", help="Return labels, without averages in memory.")] = False,
    memory: Annotated[float | None, typer.Option(help="MB that may be used; 80 % of what is free.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Time it may take; no limit by default.")] = None,
    measure: Annotated[bool, typer.Option(help="Whether to run the network for the expected time.")] = True,
) -> None:
    """Say what it will cost to infer an image.

    Windows, FLOPs, memory, time and batch are printed before anything runs. What does not fit is refused, and the
    message names what would.
    """
    from monai_nlseg.bundle_parts import bundle_inferer, bundle_network
    from monai_nlseg.inferers import plan_inference
    from monai_nlseg.networks import optimize_for_inference

    sizes = numbers("shape", shape)
    overrides = ({"step": step} if step else {}) | ({"output": "labels"} if labels else {})
    inferer = bundle_inferer(bundle, **overrides)
    # Cost does not depend on the weights, which a bundle may lack.
    network, window = bundle_network(bundle, trained=False)
    # Slices of a volume are windows of three axes, whatever the network has.
    axes = len(inferer.roi_size) if isinstance(inferer.roi_size, Sequence) else len(window) - 1
    if len(sizes) != axes:
        raise ValueError(
            f"--shape '{shape}' has {len(sizes)} axes, the network's windows have {axes}: give one size an axis."
        )
    network = optimize_for_inference(network.to(chosen_device()))
    say(str(plan_inference(inferer, network, (window[0], *sizes), memory, seconds, measure=measure)))
