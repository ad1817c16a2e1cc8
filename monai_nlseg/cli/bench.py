"""The command `nlseg bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_nlseg.cli.console import chosen_device, console, numbers, say, wide_console

# `nlseg bench --quick` omits engines with the same arithmetic in another form, slow ones, and those that compile for a
# minute.
QUICK_ENGINES = ["engine", "openvino", "explicit-attention", "ccfcn3d", "unet", "segresnet", "swinunetr"]

QUICK_NETWORKS = [
    "unetplusplus",
    "unet",
    "laednet-s",
    "laednet-s-onnx",
    "laednet-m",
    "region-aware",
    "dnlnet-96",
    "nl-explicit-96",
    "nl-96",
    "dnl-96",
    "nl-explicit-512",
    "dnl-512",
]


def bench(
    output: Annotated[Path, typer.Option(help="Folder for bench.json and bench.png.")] = Path("nlseg-bench"),
    image: Annotated[
        list[Path] | None, typer.Option(help="Image to infer; repeat for each channel. Default: a synthetic volume.")
    ] = None,
    shape: Annotated[tuple[int, int, int], typer.Option(help="Voxels of the synthetic volume.")] = (116, 148, 100),
    channels: Annotated[int, typer.Option(help="Channels of the synthetic volume.", min=1)] = 2,
    steps: Annotated[str, typer.Option(help="Steps in voxels, comma-separated.")] = "4,8,16,32",
    engines: Annotated[
        str | None, typer.Option(help="Engines or networks to compare, comma-separated. Default: all.")
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="Time limit of each measurement; longer times are extrapolated.", min=0.1)
    ] = 30.0,
    batch: Annotated[int, typer.Option(help="Windows per forward pass.", min=1)] = 4,
    threads: Annotated[int | None, typer.Option(help="CPU threads. Default: PyTorch's.", min=1)] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto for the GPU if there is one.")] = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="Rough figures, in about 2 minutes on 2 cores.")] = False,
    networks: Annotated[
        bool,
        typer.Option("--networks", help="Time the 2D networks on one image of the papers' sizes; ignores --shape."),
    ] = False,
) -> None:
    """Time networks and inference engines.

    By default, times the Non-local U-Net on a volume with this package's engine and its alternatives, and other
    networks for comparison. With `--networks`, times the 2D networks.
    """
    from monai_nlseg.bench import BenchSettings, print_report, run_bench, write_report

    if output.is_file():
        raise ValueError(f"--output '{output}' is a file: give a folder.")
    chosen = [name.strip() for name in engines.split(",")] if engines else None
    if networks:
        chosen = chosen or (QUICK_NETWORKS if quick else None)
        _bench_networks(output, chosen, 1.0 if quick else seconds, threads, device)
        return
    settings = BenchSettings(
        shape=(channels, *shape),
        steps=tuple(numbers("steps", steps)),
        sw_batch_size=batch,
        seconds=0.5 if quick else seconds,
        threads=threads,
        device=chosen_device() if device == "auto" else device,
        images=tuple(map(str, image or ())),
    )
    if quick and chosen is None:
        chosen = QUICK_ENGINES
    output.mkdir(parents=True, exist_ok=True)  # before the minutes that follow
    with console.status("") as status:
        report = run_bench(settings, chosen, lambda title: status.update(f"measuring {title}"))
    print_report(report, wide_console())
    if not report["engines"]:
        raise ValueError("nothing could be measured: the reasons are above.")
    for path in write_report(report, output):
        say(f"wrote {path}")


def _bench_networks(output: Path, names: list[str] | None, seconds: float, threads: int | None, device: str) -> None:
    from monai_nlseg.bench import NetworkSettings, print_networks, run_networks, write_json

    settings = NetworkSettings(seconds, threads, chosen_device() if device == "auto" else device)
    output.mkdir(parents=True, exist_ok=True)
    with console.status("") as status:
        report = run_networks(settings, names, lambda title: status.update(f"measuring {title}"))
    print_networks(report, wide_console())
    if not report["networks"]:
        raise ValueError("nothing could be measured: the reasons are above.")
    say(f"wrote {write_json(report, output / 'networks.json')}")
