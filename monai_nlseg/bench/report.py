"""Show and keep what the benchmark measured."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from monai.utils import optional_import
from rich.console import Console
from rich.table import Table

__all__ = ["print_networks", "print_report", "write_json", "write_report"]


def print_report(report: dict[str, Any], console: Console) -> None:
    """A table of the engines, fastest of the paper's network named below it."""
    steps = [str(step) for step in report["settings"]["steps"]]
    machine = report["machine"]
    table = Table(title=f"{machine['processor']}, {machine['threads']} threads, {machine['device']}")
    table.add_column("engine", no_wrap=True)
    for title in ("s/window", "GFLOP/s", "x floor", "MB", "labels", *(f"step {step}" for step in steps), "outside"):
        table.add_column(title, justify="right", no_wrap=True)
    for result in report["engines"].values():
        a_window, gflop = result["seconds_per_window"], result["gflop_per_window"]
        memory, agreement = result["window_bytes"], result.get("agreement")
        volumes = [result["steps"][step] for step in steps]
        outside = [volume["outside"] for volume in volumes if volume["outside"] is not None]
        table.add_row(
            result["title"],
            f"{a_window:.3g}",
            f"{gflop / a_window:.0f}",
            f"{a_window * result['floor_gflops'] / gflop:.2f}",
            "" if memory is None else f"{memory / 1e6:.0f}",
            "" if agreement is None else f"{100 * agreement:.2f} %",
            *(f"{'~' if volume['extrapolated'] else ''}{_duration(volume['seconds'])}" for volume in volumes),
            f"{100 * max(outside):.1f} %" if outside else "",
        )
    console.print(table)
    console.print(
        "x floor: time a window over its FLOPs at the rate of a 3^3 convolution beside it. MB: what one window makes "
        "the process grow by. labels: share equal to this engine's. step: time of the volume, ~ extrapolated from part "
        "of it. outside: largest share of a volume's time outside the network.",
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
        console.print(f"fastest here: {fastest['title']}; with the labels of float32: {exact['title']}", markup=False)
    slow, ours = report["engines"].get("materialized"), report["engines"].get("engine")
    if slow and ours:
        ratio = slow["seconds_per_window"] / ours["seconds_per_window"]
        console.print(f"this engine over attention written out: {ratio:.1f} times as fast a window", highlight=False)
    _print_left_out(report, console)


def write_report(report: dict[str, Any], folder: str | Path) -> list[Path]:
    """Write ``bench.json``, and ``bench.png`` (time of a volume against the step) where matplotlib is installed.

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
    """Write a report beside and rename it into place; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(json.dumps(report, indent=2) + "\n")
    os.replace(beside, path)
    return path


def print_networks(report: dict[str, Any], console: Console) -> None:
    """A table of the networks, a section for each size of the input."""
    machine, results = report["machine"], report["networks"]
    table = Table(title=f"{machine['processor']}, {machine['threads']} threads, {machine['device']}, batch 1")
    for title in ("network", "input"):
        table.add_column(title, no_wrap=True)
    for title in ("parameters", "GMAC", "ms", "frames/s", "MB", "times as fast as"):
        table.add_column(title, justify="right", no_wrap=True)
    shape = None
    for name, result in results.items():
        if shape is not None and result["shape"] != shape:
            table.add_section()
        shape = result["shape"]
        other = results.get(result["beside"] or name)
        ratio = "" if other in (None, result) else f"{other['seconds'] / result['seconds']:.3g} {other['title']}"
        memory = result["memory_bytes"]
        table.add_row(
            result["title"],
            "x".join(map(str, shape)),
            f"{result['parameters']:,}",
            f"{result['gmac']:.3g}",
            f"{1000 * result['seconds']:.3g}",
            f"{1 / result['seconds']:.3g}",
            "" if memory is None else f"{memory / 1e6:.0f}",
            ratio,
        )
    console.print(table)
    console.print(
        "GMAC: billions of multiply-adds a pass. ms: median time of a pass. MB: what a pass makes the process grow by.",
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
