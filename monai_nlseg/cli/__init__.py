"""`nlseg`: thin commands over the package."""

from __future__ import annotations

import logging
import sys

import typer
from rich.console import Console
from rich.text import Text

from monai_nlseg.cli import bundles
from monai_nlseg.cli.bench import bench
from monai_nlseg.cli.check_bundle import check_bundle
from monai_nlseg.cli.error_line import error_line
from monai_nlseg.cli.evaluate import evaluate
from monai_nlseg.cli.experiment import experiment
from monai_nlseg.cli.infer import infer
from monai_nlseg.cli.inspect import inspect
from monai_nlseg.cli.kaggle import kaggle
from monai_nlseg.cli.label_app import label_app
from monai_nlseg.cli.simulate import simulate
from monai_nlseg.cli.train import train
from monai_nlseg.cli.trust import trust

__all__ = ["app", "main"]

HELP = """Segment images with non-local context, on MONAI.

The exit code is 0 on success and 2 after an error, which is reported in one sentence. `infer`, `inspect`, `experiment
run` and `check-bundle` exit with 3 if some cases, runs or checks failed; `infer`, `train` and `experiment run` exit
with 130 if they were interrupted.
"""

app = typer.Typer(
    name="nlseg",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command()(bundles.demo)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(bundles.run)
app.command()(bundles.convert)
app.command()(bundles.export)
app.command()(bundles.plan)
app.command()(bench)
app.command()(check_bundle)
app.command()(evaluate)
app.command()(infer)
app.command()(inspect)
app.command()(label_app)
app.command()(train)
app.command()(trust)
app.add_typer(simulate, name="simulate")
app.add_typer(experiment, name="experiment")
app.add_typer(kaggle, name="kaggle")


def main() -> None:
    """Run the command line; after an error, print one sentence and exit with code 2."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        if wrong := [argument for argument in sys.argv if "\0" in argument]:
            raise ValueError(f"{wrong[0]!r} contains the character NUL, which no name may contain: remove it.")
        app()
    except Exception as error:
        Console(stderr=True).print(Text.assemble(("error:", "bold red"), " ", error_line(error)), soft_wrap=True)
        logging.getLogger(__name__).debug("traceback", exc_info=error)
        raise SystemExit(2) from None
