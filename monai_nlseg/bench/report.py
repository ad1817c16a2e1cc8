"""Print the results of the benchmarks and write them to files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from monai.utils import optional_import
from rich.console import Console
from rich.table import Table


def print_report(report: dict[str, Any], console: Console) -> None:
    """Print a table of the engines, and below it the fastest ones of the paper's network.

    Args:
        report: what :func:`monai_nlseg.bench.run_bench` returns.
        console: where to print.
    """
    steps = [str(step) for step in report["settings"]["steps"]]
    machine = report["machine"]
    table = Table(title=f"{machine['processor']}, {machine['threads']} threads, {machine['device']}")
    table.add_column("engine", no_wrap=True)
    columns = (
        "x floor",
        *(f"step {step}" for step in steps),
        "s/window",
        "GFLOP/s",
        "MB",
        "faults",
        "labels",
        "outside",
    )
    for title in columns:
        table.add_column(title, justify="right", no_wrap=True)
    for result in report["engines"].values():
        window_seconds, gflop = result["seconds_per_window"], result["gflop_per_window"]
        memory, faults, agreement = result["window_bytes"], result["faults_per_window"], result.get("agreement")
        volumes = [result["steps"][step] for step in steps]
        outside = [volume["outside"] for volume in volumes if volume["outside"] is not None]
        table.add_row(
            result["title"],
            f"{window_seconds * result['floor_gflops'] / gflop:.2f}",
            *(f"{'~' if volume['extrapolated'] else ''}{_duration(volume['seconds'])}" for volume in volumes),
            f"{window_seconds:.3g}",
            f"{gflop / window_seconds:.0f}",
            "" if memory is None else f"{memory / 1e6:.0f}",
            "" if faults is None else f"{faults:,.0f}",
            "" if agreement is None else f"{100 * agreement:.2f} %",
            f"{100 * max(outside):.1f} %" if outside else "",
        )
    console.print(table)
    console.print(
        "x floor: time of a window, divided by the time of its FLOPs at the rate of a 3^3 convolution measured beside "
        "it. step: time of the volume, ~ if extrapolated from a part of it. MB: growth of the process by one window. "
        "faults: new pages of memory from the system in a window. labels: share equal to this engine's. "
        "outside: largest share of a volume's time outside the network.",
        highlight=False,
    )
    same = {name: result for name, result in report["engines"].items() if result["same_network"]}
    if same:
        fastest = min(same.values(), key=lambda result: result["seconds_per_window"])
        exact = min(
            (result for result in same.values() if result.get("agreement", 1.0) > 0.9999),
            key=lambda result: result["seconds_per_window"],
            default=fastest,
        )
        names = [result["title"].removeprefix("- ") for result in (fastest, exact)]
        console.print(f"fastest here: {names[0]}; with the labels of float32: {names[1]}", markup=False)
    _print_ratios(report["engines"], console)
    _print_left_out(report, console)


def _print_ratios(engines: dict[str, Any], console: Console) -> None:
    """Print how this engine compares with other forms of the attention, with the figures behind each ratio."""
    ours = engines.get("engine")
    for name, what in (("torch-attention", "PyTorch's attention"), ("explicit-attention", "explicit attention")):
        if ours and (other := engines.get(name)):
            seconds, beside = other["seconds_per_window"], ours["seconds_per_window"]
            console.print(
                f"a window takes {beside:.3g} s here and {seconds:.3g} s with {what}: {seconds / beside:.2f} times as "
                "long on this machine",
                highlight=False,
            )


def write_report(report: dict[str, Any], folder: str | Path) -> list[Path]:
    """Write ``bench.json``, and ``bench.png`` (time of a volume against the step) if matplotlib is installed.

    Args:
        report: what :func:`monai_nlseg.bench.run_bench` returns.
        folder: folder of the files; created if it is missing.

    Returns:
        The files written.
    """
    folder = Path(folder)
    written = [write_json(report, folder / "bench.json")]
    pyplot, installed = optional_import("matplotlib.pyplot")
    if installed:
        written.append(_plot(report, folder / "bench.png", pyplot))
    return written


def write_json(report: dict[str, Any], path: Path) -> Path:
    """Write a report as JSON, under another name first, so that the file is complete or missing.

    Args:
        report: what :func:`monai_nlseg.bench.run_bench` or :func:`monai_nlseg.bench.run_networks` returns.
        path: file to write; its folder is created.

    Returns:
        The path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(json.dumps(report, indent=2) + "\n")
    os.replace(beside, path)
    return path


def print_networks(report: dict[str, Any], console: Console) -> None:
    """Print a table of the networks, with a section for each size of the input.

    Args:
        report: what :func:`monai_nlseg.bench.run_networks` returns.
        console: where to print.
    """
    machine, results = report["machine"], report["networks"]
    table = Table(title=f"{machine['processor']}, {machine['threads']} threads, {machine['device']}, batch 1")
    for title in ("network", "input"):
        table.add_column(title, no_wrap=True)
    for title in ("parameters", "GMAC", "ms", "frames/s", "MB", "faults", "times as fast as"):
        table.add_column(title, justify="right", no_wrap=True)
    shape = None
    for name, result in results.items():
        if shape is not None and result["shape"] != shape:
            table.add_section()
        shape = result["shape"]
        other = results.get(result["beside"] or name)
        ratio = "" if other in (None, result) else f"{other['seconds'] / result['seconds']:.3g} {other['title']}"
        memory, faults = result["memory_bytes"], result["faults"]
        table.add_row(
            result["title"],
            "x".join(map(str, shape)),
            f"{result['parameters']:,}",
            f"{result['gmac']:.3g}",
            f"{1000 * result['seconds']:.3g}",
            f"{1 / result['seconds']:.3g}",
            "" if memory is None else f"{memory / 1e6:.0f}",
            "" if faults is None else f"{faults:,}",
            ratio,
        )
    console.print(table)
    console.print(
        "GMAC: billions of multiply-adds in a pass. ms: median time of a pass. MB: growth of the process by a pass. "
        "faults: new pages of memory from the system in a pass.",
        highlight=False,
    )
    _print_left_out(report, console)


def _print_left_out(report: dict[str, Any], console: Console) -> None:
    for name, reason in report["left_out"].items():
        console.print(f"left out: {name} ({reason})", markup=False)


def _plot(report: dict[str, Any], path: Path, pyplot: Any) -> Path:
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for name, result in report["engines"].items():
        points = sorted((int(step), volume["seconds"]) for step, volume in result["steps"].items())
        style = "-" if result["same_network"] else ":"
        axes.plot(*zip(*points), style, marker="o", label=result["title"], linewidth=3 if name == "engine" else 1)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(report["settings"]["steps"], [str(step) for step in report["settings"]["steps"]])
    axes.set_xlabel("step (voxels)")
    axes.set_ylabel("time of a volume (s)")
    axes.set_title(" x ".join(map(str, report["settings"]["shape"][1:])) + f", {report['machine']['processor']}")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    beside = path.with_suffix(".part.png")
    figure.savefig(beside, dpi=120)
    pyplot.close(figure)
    os.replace(beside, path)
    return path


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
