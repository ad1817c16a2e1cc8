"""The command `nlseg train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from monai_nlseg.cli.console import INTERRUPTED, interruptible, progress_bar, say, wide_console
from monai_nlseg.cli.inspect import (
    Channels,
    Classes,
    Images,
    Labels,
    Layout,
    Root,
    Subject,
    channel_names,
    class_values,
    expected_layout_shown,
)
from monai_nlseg.cli.train_progress import training_progress
from monai_nlseg.cli.trust import Trust, require_trust, trust_own


def train(
    output: Annotated[Path, typer.Option(help="Folder of the run; give the same folder to resume.")],
    data: Annotated[str | None, typer.Option(help="Folder or list of labelled images.", show_default=False)] = None,
    images: Images = None,
    labels: Labels = None,
    layout: Layout = None,
    channels: Channels = None,
    subject: Subject = None,
    classes: Classes = None,
    root: Root = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="Network: a short name such as laednet-s, or the dotted path of a class. Default: by the data."
        ),
    ] = None,
    hours: Annotated[float | None, typer.Option(help="Time that the whole command may take on this machine.")] = None,
    iterations: Annotated[int | None, typer.Option(help="Training steps of each fold, in place of --hours.")] = None,
    init: Annotated[str | None, typer.Option(help="Bundle whose weights the training starts from.")] = None,
    folds: Annotated[int, typer.Option(help="Folds of a cross-validation. 1 trains once.", min=1)] = 1,
    fold: Annotated[
        str, typer.Option(help="The only fold to train, from 1, as in job arrays; whoever ends last writes the bundle.")
    ] = "all",
    set: Annotated[
        list[str] | None, typer.Option(help="Setting of the plan; repeatable: --set sampling.batch_size=4.")
    ] = None,
    tracking: Annotated[str, typer.Option(help="tensorboard, mlflow or wandb. Default: none.")] = "",
    device: Annotated[
        str | None, typer.Option(help="Device such as cpu or cuda:1. Default: a GPU if there is one.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write the plan to plan.yaml, which may be edited, and exit.")
    ] = False,
    trust: Trust = False,
) -> None:
    """Train a network on your own labelled images, and make a MONAI bundle of it.

    Inspects the data, chooses a plan, trains, chooses the post-processing on validation cases, measures, and writes
    `bundle` to the output. The same command goes on after an interruption. Then `nlseg infer --bundle OUTPUT/bundle`
    segments new images. On several GPUs, give each its fold, or run the bundle's configs `train.json` and
    `multi_gpu_train.json` with torchrun, as its README shows. The exit code is 0 on success, 2 after an error, and 130
    after an interruption.
    """
    # Threads that wait in a loop slow down others many times on a busy machine; PyTorch reads this when it loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from monai_nlseg.training import Stopped
    from monai_nlseg.training import train as train_plan
    from monai_nlseg.training.fitting.command import Command, planned
    from monai_nlseg.training.fitting.train import require_possible
    from monai_nlseg.training.planning.overrides import parse_overrides

    command = Command(
        data=data,
        images=images,
        labels=labels,
        layout=layout,
        channels=channel_names(channels),
        subject=subject,
        classes=class_values(classes),
        root=root,
        network=network,
        hours=hours,
        iterations=iterations,
        folds=folds,
        init=init,
        overrides=parse_overrides(set or []),
    )
    number = _fold(fold)
    require_possible(output, tracking, device)
    if init is not None:
        require_trust([init], trust)
    with interruptible("ending; the same command goes on from the last checkpoint") as interrupted:
        try:
            with expected_layout_shown(), progress_bar("inspecting") as progress:
                chosen = planned(command, output, wide_console().print, progress, interrupted)
            wide_console().print(chosen)
            if dry_run:
                say(f"wrote {output / 'plan.yaml'}; the same command without --dry-run trains by it")
                return
            with training_progress() as show:
                result = train_plan(
                    chosen, output, fold=number, tracking=tracking, progress=show, device=device, stopped=interrupted
                )
        except Stopped:
            raise typer.Exit(INTERRUPTED) from None
    say(str(result))
    if result.scores is not None:
        trust_own(result.bundle)
        say(f"segment new images: nlseg infer --bundle {result.bundle} --input NEW --output LABELS")


def _fold(text: str) -> int | Literal["all"]:
    if text == "all":
        return "all"
    if not text.isdigit():
        raise ValueError(f"--fold '{text}' is no fold: give a number from 1, or all.")
    return int(text)
