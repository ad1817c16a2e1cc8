"""`nlseg`: thin commands over the package."""

from __future__ import annotations

import logging

import typer
from rich.console import Console
from rich.text import Text

from monai_nlseg.cli import bundles, kaggle
from monai_nlseg.cli.bench import bench
from monai_nlseg.cli.check_bundle import check_bundle
from monai_nlseg.cli.evaluate import evaluate
from monai_nlseg.cli.experiment import experiment
from monai_nlseg.cli.infer import infer
from monai_nlseg.cli.label_app import label_app
from monai_nlseg.cli.simulate import simulate
from monai_nlseg.errors import sentence

__all__ = ["app", "main"]

HELP = """Segment images with non-local context, on MONAI.

Each command ends with exit code 0 when all is done, and with 2 after an error, which it states in one sentence.
`infer`, `experiment run` and `check-bundle` end with 3 if some cases, runs or checks failed, the first two with 130 if
they were interrupted.
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
app.command()(label_app)
app.command()(kaggle.submit)
app.command()(kaggle.masks)
app.command()(kaggle.score)
app.add_typer(simulate, name="simulate")
app.add_typer(experiment, name="experiment")


def main() -> None:
    """Entry point: an error ends in one sentence and exit code 2."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        app()
    except Exception as error:
        Console(stderr=True).print(Text.assemble(("error:", "bold red"), " ", sentence(error)), soft_wrap=True)
        logging.getLogger(__name__).debug("traceback", exc_info=error)
        raise SystemExit(2) from None
