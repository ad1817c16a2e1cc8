"""`nlseg`: thin commands over the package."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from monai_nlseg.cli_simulate import simulate
from monai_nlseg.console import console
from monai_nlseg.console import numbers as _numbers
from monai_nlseg.console import say as _say
from monai_nlseg.errors import sentence

app = typer.Typer(
    name="nlseg",
    help="Segmentation with non-local context for MONAI.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(simulate, name="simulate")
# What `nlseg bench --quick` leaves out is the same arithmetic in another wrapping, slower, or compiles for a minute.
QUICK_ENGINES = ["engine", "openvino", "materialized", "ccfcn3d", "unet", "segresnet", "swinunetr"]

QUICK_NETWORKS = [
    "unetplusplus",
    "unet",
    "laednet-s",
    "laednet-s-onnx",
    "laednet-m",
    "region-aware",
    "dnlnet-96",
    "nl-materialized-96",
    "nl-96",
    "dnl-96",
    "nl-materialized-512",
    "dnl-512",
]

# Of an evaluation; all stand in its summary.
MOST_PROBLEMS = 20

TEXT_IDS = ("_dir", "checkpoint", "initial_weights", "pattern")


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("nlseg-demo"),
    bundle: Annotated[str, typer.Option(help="Bundle for skull-stripped T1: a name or a folder.")] = (
        "brain_t1_nonlocal_unet_segmentation"
    ),
) -> None:
    """Segment a real head, the MNI152 template, with the weights that ship with the package."""
    from monai_nlseg.demo import segment_template

    result = segment_template(output, bundle)
    for tissue, dice in result.dice.items():
        _say(f"Dice {tissue} against the template's own map: {dice:.3f}")
    _say(f"label map: {result.labels}")
    _say(f"picture:   {result.picture}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    bundle: Annotated[str, typer.Argument(help="Name of a shipped bundle, or the folder of any bundle.")],
    configs: Annotated[str, typer.Argument(help="Config names, comma separated, e.g. inference or train,evaluate.")],
) -> None:
    """Run a bundle as `python -m monai.bundle run` does; further options override its config ids.

    Finds the bundle's files by itself, and ends in one sentence where that ends in a traceback. Example: nlseg run
    brain_t1_nonlocal_unet_segmentation inference --dataset_dir scans --output_dir labels
    """
    from monai_nlseg.bundle import run_bundle

    run_bundle(bundle, configs.split(","), _overrides(context.args))


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="Published variables: an .npz file or a TensorFlow checkpoint.")],
    destination: Annotated[Path, typer.Argument(help="State dict to write (.pt).")],
) -> None:
    """Convert published TensorFlow weights of the Non-local U-Net into a state dict."""
    from monai_nlseg.networks.weights import convert_nonlocal_unet

    summary = convert_nonlocal_unet(source, destination)
    _say(f"wrote {destination}: " + ", ".join(f"{key} {value}" for key, value in summary.items()))


@app.command()
def export(
    bundle: Annotated[str, typer.Option(help="Name of a shipped bundle, or the folder of any bundle.")],
    format: Annotated[str, typer.Option(help="torchscript, pt2, onnx or openvino.")],
    output: Annotated[Path | None, typer.Option(help="File to write; models/model.* of the bundle by default.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Weights; the bundle's own by default.")] = None,
) -> None:
    """Write a bundle's network in a form that runs without its Python code, and check it against the network."""
    from monai_nlseg.export import export_bundle

    path, difference = export_bundle(bundle, format, output, checkpoint)
    _say(f"wrote {path}: logits differ by {difference:.1e} at most")


@app.command()
def plan(
    bundle: Annotated[str, typer.Option(help="Name of a shipped bundle, or the folder of any bundle.")],
    shape: Annotated[str, typer.Option(help="Voxels of an image along each axis, comma separated.")],
    step: Annotated[int | None, typer.Option(help="Step in voxels; the bundle's own by default.", min=1)] = None,
    labels: Annotated[bool, typer.Option("--labels", help="Return labels, without averages in memory.")] = False,
    memory: Annotated[float | None, typer.Option(help="MB that may be used; 80 % of what is free.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Time it may take; no limit by default.")] = None,
    measure: Annotated[bool, typer.Option(help="Whether to run the network for the expected time.")] = True,
) -> None:
    """Say what inferring an image with a bundle costs before running it: windows, FLOPs, memory, time, batch."""
    from monai_nlseg.bundle_parts import bundle_inferer, bundle_network
    from monai_nlseg.inferers import plan_inference
    from monai_nlseg.networks import optimize_for_inference

    sizes = _numbers("shape", shape)
    overrides = ({"step": step} if step else {}) | ({"output": "labels"} if labels else {})
    inferer = bundle_inferer(bundle, **overrides)
    network, window = bundle_network(bundle)
    if len(sizes) != len(window) - 1:
        raise ValueError(
            f"--shape '{shape}' has {len(sizes)} axes, the network's windows have {len(window) - 1}: give one size an "
            "axis."
        )
    network = optimize_for_inference(network.to(_device()))
    _say(str(plan_inference(inferer, network, (window[0], *sizes), memory, seconds, measure=measure)))


@app.command()
def bench(
    output: Annotated[Path, typer.Option(help="Folder for bench.json and bench.png.")] = Path("nlseg-bench"),
    image: Annotated[
        list[Path] | None, typer.Option(help="Image to infer, one option a channel; else a synthetic volume.")
    ] = None,
    shape: Annotated[tuple[int, int, int], typer.Option(help="Voxels of the synthetic volume.")] = (116, 148, 100),
    channels: Annotated[int, typer.Option(help="Channels of the synthetic volume.", min=1)] = 2,
    steps: Annotated[str, typer.Option(help="Steps in voxels, comma separated.")] = "4,8,16,32",
    engines: Annotated[str | None, typer.Option(help="Engines to compare, comma separated; all by default.")] = None,
    seconds: Annotated[float, typer.Option(help="Time for each measurement; more is extrapolated.", min=0.1)] = 30.0,
    batch: Annotated[int, typer.Option(help="Windows in one pass.", min=1)] = 4,
    threads: Annotated[int | None, typer.Option(help="CPU threads; PyTorch's default.", min=1)] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda; the GPU where there is one.")] = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="Within 2 minutes on 2 cores: coarse figures.")] = False,
    networks: Annotated[
        bool, typer.Option("--networks", help="Time the 2D networks for one image instead, all of them or --engines.")
    ] = False,
) -> None:
    """Time the paper's network over a volume with this engine and its alternatives, and other networks beside it."""
    from monai_nlseg.bench import BenchSettings, print_report, run_bench, write_report

    if networks:
        chosen = engines.split(",") if engines else QUICK_NETWORKS if quick else None
        _bench_networks(output, chosen, 1.0 if quick else seconds, threads, device)
        return
    settings = BenchSettings(
        shape=(channels, *shape),
        steps=tuple(_numbers("steps", steps)),
        sw_batch_size=batch,
        seconds=0.5 if quick else seconds,
        threads=threads,
        device=_device() if device == "auto" else device,
        images=tuple(map(str, image or ())),
    )
    chosen = engines.split(",") if engines else None
    if quick and chosen is None:
        chosen = QUICK_ENGINES
    with console.status("") as status:
        report = run_bench(settings, chosen, lambda title: status.update(f"measuring {title}"))
    print_report(report, _wide_console())
    if not report["engines"]:
        raise ValueError("nothing could be measured: the reasons are above.")
    for path in write_report(report, output):
        _say(f"wrote {path}")


def _bench_networks(output: Path, names: list[str] | None, seconds: float, threads: int | None, device: str) -> None:
    from monai_nlseg.bench import NetworkSettings, print_networks, run_networks, write_json

    settings = NetworkSettings(seconds, threads, _device() if device == "auto" else device)
    with console.status("") as status:
        report = run_networks(settings, names, lambda title: status.update(f"measuring {title}"))
    print_networks(report, _wide_console())
    if not report["networks"]:
        raise ValueError("nothing could be measured: the reasons are above.")
    _say(f"wrote {write_json(report, output / 'networks.json')}")


@app.command()
def evaluate(
    pred: Annotated[str, typer.Option(help="Folder of the predicted label maps, or a pattern in quotes.")],
    label: Annotated[str, typer.Option(help="Folder of the true label maps, or a pattern: 'data/*_mask.tif'.")],
    more: Annotated[
        list[str] | None, typer.Argument(help="The folder of --roi mask, and further tables (.csv) of --compare.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Values and names, as 1=CSF,2=GM or 1+10=CSF; else each value found in labels.")
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Metrics, comma separated.")] = None,
    roi: Annotated[
        str, typer.Option(help="full, nonzero (box around all foreground of both) or mask DIR: what is measured.")
    ] = "full",
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("nlseg-evaluation"),
    jobs: Annotated[int | None, typer.Option(help="Processes; one a CPU by default.", min=1)] = None,
    compare: Annotated[list[str] | None, typer.Option(help="Tables (cases.csv) of other methods.")] = None,
) -> None:
    """Measure label maps against the true ones: a table of cases, a summary, a picture, tests against other methods.

    Files pair by name, up to endings such as _seg, _label and _mask: NIfTI, Analyze, PNG, TIFF, BMP, JPEG, GIF. What
    does not pair, fit or compare is told, the rest is measured, and the exit code is 2.
    """
    from rich.progress import Progress

    from monai_nlseg.evaluation import (
        DEFAULT_METRICS,
        evaluate_folders,
        parse_classes,
        print_comparisons,
        print_summary,
    )

    tables = [each for each in more or () if each.endswith(".csv")]
    masks = [each for each in more or () if not each.endswith(".csv")]
    if len(masks) > 1 or tables and not compare:
        raise ValueError(f"{[*masks, *tables]} are too many arguments: give --roi mask DIR, --compare a.csv b.csv.")
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("measuring", total=None)
        found = evaluate_folders(
            pred,
            label,
            output,
            classes=parse_classes(classes) if classes is not None else None,
            metrics=[name.strip() for name in metrics.split(",")] if metrics is not None else DEFAULT_METRICS,
            roi=roi,
            masks=masks[0] if masks else None,
            compare=[*(compare or ()), *tables],
            jobs=jobs,
            progress=lambda total, result: progress.update(bar, total=total, advance=0 if result is None else 1),
        )
    wide = _wide_console()
    if found.report["classes"]:
        print_summary(found.report["classes"], found.report["average_of_classes"], wide)
    if found.report["comparisons"]:
        print_comparisons(found.report["comparisons"], wide)
    for path in found.files:
        _say(f"wrote {path}")
    for problem in found.problems[:MOST_PROBLEMS]:
        _say(problem)
    if found.problems:
        measured = "the rest" if found.report["cases"]["measured"] else "nothing"
        raise ValueError(
            f"{len(found.problems)} of the files, cases or tables could not be used: see above and 'problems' in "
            f"'{output / 'summary.json'}'; {measured} was measured."
        )


@app.command()
def submit(
    pred: Annotated[str, typer.Option(help="Folder of masks named by number, as 12_mask.png, or a pattern in quotes.")],
    output: Annotated[Path, typer.Option(help="Table to write.")] = Path("submission.csv"),
    shape: Annotated[str, typer.Option(help="Rows and columns of the images.")] = "420x580",
    resize: Annotated[bool, typer.Option("--resize", help="Bring masks of another size to the shape.")] = False,
    count: Annotated[int | None, typer.Option(help="Number of images, all of which need a mask.", min=1)] = None,
) -> None:
    """Write masks as a submission to Kaggle's Ultrasound Nerve Segmentation: img,pixels with run-length codes."""
    from monai_nlseg.submission import write_submission

    with _progress("coding") as progress:
        images, empty = write_submission(pred, output, _image_shape(shape), resize, count, progress)
    _say(f"wrote {output}: {images} images, {empty} of them empty")


@app.command()
def masks(
    table: Annotated[Path, typer.Argument(help="A submission, or the challenge's train_masks.csv.")],
    output: Annotated[Path, typer.Option(help="Folder for the images.")] = Path("masks"),
    shape: Annotated[str, typer.Option(help="Rows and columns of the images.")] = "420x580",
) -> None:
    """Write the masks of a submission as images of 0 and 255, the inverse of submit."""
    from monai_nlseg.submission import write_masks

    with _progress("decoding") as progress:
        count = write_masks(table, output, _image_shape(shape), progress)
    _say(f"wrote {count} masks to {output}")


@app.command()
def score(
    pred: Annotated[str, typer.Option(help="A submission (.csv), or a folder or pattern of masks.")],
    label: Annotated[str, typer.Option(help="The truth, likewise; train_masks.csv will do.")],
    shape: Annotated[str, typer.Option(help="Rows and columns of the images.")] = "420x580",
    partial: Annotated[bool, typer.Option("--partial", help="Score what is predicted, not all of the truth.")] = False,
) -> None:
    """Score masks as the leaderboard of Kaggle's Ultrasound Nerve Segmentation does: the mean Dice of the images."""
    from monai_nlseg.submission import score_masks

    with _progress("scoring") as progress:
        found = score_masks(pred, label, _image_shape(shape), partial, progress)
    _say(f"mean Dice {found.mean:.5f} of {len(found.dice)} images, {found.empty_truth} of them empty in the truth")


def _wide_console() -> Console:
    """A table in a file or a pipe is not cut to 80 columns."""
    return console if console.is_terminal else Console(width=140)


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, and what moves it: (done, total)."""
    from rich.progress import Progress

    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)


def _image_shape(text: str) -> tuple[int, int]:
    rows, _, columns = text.partition("x")
    if not (rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
        raise ValueError(f"--shape '{text}' is not rows and columns: give them as 420x580.")
    return int(rows), int(columns)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _overrides(arguments: list[str]) -> dict[str, Any]:
    """``--id value`` and ``--id=value`` pairs; values are read as Python literals where they are such, but paths and
    patterns stay as they are: 2024 is a folder, and # is no comment."""
    from fire.parser import DefaultParseValue

    pairs: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if not option.startswith("--"):
            raise ValueError(f"'{option}' is not an override: give pairs such as --dataset_dir PATH.")
        name, given, value = option[2:].partition("=")
        if not given:
            if not rest or rest[0].startswith("--"):
                raise ValueError(f"'{option}' has no value: give pairs such as --dataset_dir PATH.")
            value = rest.pop(0)
        pairs[name] = value if name.endswith(TEXT_IDS) else DefaultParseValue(value)
    return pairs


def main() -> None:
    """Entry point: an error ends in one sentence and exit code 2."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    # MONAI imports torchvision where it is; nothing here reads images with it.
    warnings.filterwarnings("ignore", "Failed to load image Python extension", UserWarning)
    try:
        app()
    except Exception as error:
        Console(stderr=True).print(Text.assemble(("error:", "bold red"), " ", sentence(error)), soft_wrap=True)
        logging.getLogger(__name__).debug("traceback", exc_info=error)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
