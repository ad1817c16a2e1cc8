"""Commands that demonstrate, run, convert, export and plan bundles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from monai_nlseg.cli.console import chosen_device, numbers, say
from monai_nlseg.cli.overrides import overrides_of_options
from monai_nlseg.cli.trust import Trust, require_trust


def demo(
    task: Annotated[str, typer.Option(help="brain, retina, breast or fetal-head.")] = "brain",
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("nlseg-demo"),
    bundle: Annotated[
        str | None, typer.Option(help="Name or folder of another bundle for the task.", show_default=False)
    ] = None,
    trust: Trust = False,
) -> None:
    """Segment one image and draw the result.

    The weights ship with the package. The image is the MNI152 template of nilearn for `brain`, a photograph from
    scikit-image for `retina`, and a simulated image for `breast` and `fetal-head`.
    """
    from monai_nlseg.demo import run_demo

    require_trust([bundle] if bundle else [], trust)
    result = run_demo(task, output, bundle)
    for reference, dice in result.dice.items():
        say(f"Dice {reference}: {dice:.3f}")
    say(f"label map: {result.labels}")
    say(f"picture:   {result.picture}")


def run(
    context: typer.Context,
    bundle: Annotated[str, typer.Argument(help="Name of a shipped bundle, or the folder of any bundle.")],
    configs: Annotated[str, typer.Argument(help="Config names, comma-separated: inference or train,evaluate.")],
    trust: Trust = False,
) -> None:
    """Run configs of a bundle.

    Works like `python -m monai.bundle run`, but finds the bundle's files itself and reports an error in one sentence
    instead of a traceback. Further options override config ids:

    `nlseg run brain_t1_nonlocal_unet_segmentation inference --dataset_dir scans --output_dir labels`
    """
    from monai_nlseg.bundle import run_bundle

    require_trust([bundle], trust)
    run_bundle(bundle, configs.split(","), overrides_of_options(context.args))


def convert(
    source: Annotated[Path, typer.Argument(help="Published variables: an .npz file or a TensorFlow checkpoint.")],
    destination: Annotated[Path, typer.Argument(help="State dict to write (.pt).")],
) -> None:
    """Convert published TensorFlow weights.

    Converts the weights of the Non-local U-Net to a PyTorch state dict.
    """
    from monai_nlseg.bundle.convert import convert_nonlocal_unet

    summary = convert_nonlocal_unet(source, destination)
    say(f"wrote {destination}: " + ", ".join(f"{key} {value}" for key, value in summary.items()))


def export(
    bundle: Annotated[str, typer.Option(help="Name of a shipped bundle, or the folder of any bundle.")],
    format: Annotated[str, typer.Option(help="torchscript, pt2, onnx or openvino.")],
    output: Annotated[Path | None, typer.Option(help="File to write. Default: models/model.* of the bundle.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Weights to export. Default: the bundle's own.")] = None,
    trust: Trust = False,
) -> None:
    """Export a bundle's network.

    The exported file runs without this package's Python code. It is checked against the network before it is written.
    It accepts only windows of the bundle's `roi_size`, in batches of any size.
    """
    from monai_nlseg.bundle.export import export_bundle

    require_trust([bundle], trust)
    path, difference = export_bundle(bundle, format, output, checkpoint)
    say(f"wrote {path}: logits differ by {difference:.1e} at most")


def plan(
    bundle: Annotated[str, typer.Option(help="Name of a shipped bundle, or the folder of any bundle.")],
    shape: Annotated[str, typer.Option(help="Voxels of the image along each axis, comma-separated.")],
    step: Annotated[int | None, typer.Option(help="Step in voxels. Default: the bundle's own.", min=1)] = None,
    labels: Annotated[bool, typer.Option("--labels", help="Compute labels only, without averages in memory.")] = False,
    memory: Annotated[float | None, typer.Option(help="Memory limit in MB. Default: 80 % of the free memory.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Time limit. Default: none.")] = None,
    measure: Annotated[bool, typer.Option(help="Whether to run the network to measure the expected time.")] = True,
    trust: Trust = False,
) -> None:
    """Predict the cost of inferring an image.

    Prints the windows, FLOPs, memory, time and batch size. If they exceed the limits, the error message names settings
    that would fit.
    """
    from monai_nlseg.bundle import Bundle
    from monai_nlseg.bundle.windows import window_inferer, window_shape
    from monai_nlseg.inferers import inference_cost
    from monai_nlseg.networks import optimize_for_inference

    sizes = numbers("shape", shape)
    require_trust([bundle], trust)
    overrides = ({"step": step} if step else {}) | ({"output": "labels"} if labels else {})
    planned = Bundle(bundle)
    inferer, window = window_inferer(planned, **overrides), window_shape(planned)
    # Slices of a volume are windows of three axes, whatever the network has.
    axes = len(inferer.roi_size) if isinstance(inferer.roi_size, Sequence) else len(window) - 1
    if len(sizes) != axes:
        raise ValueError(
            f"--shape '{shape}' has {len(sizes)} axes, the network's windows have {axes}: give one size for each axis."
        )
    # Cost does not depend on the weights, which a bundle may lack.
    network = optimize_for_inference(planned.network().to(chosen_device()))
    say(str(inference_cost(inferer, network, (window[0], *sizes), memory, seconds, measure=measure)))
