"""The command `nlseg check-bundle`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from monai_nlseg.cli.console import SOME_FAILED, console, say
from monai_nlseg.cli.trust import Trust, require_trust

if TYPE_CHECKING:
    from monai_nlseg.check_bundle import Finding


COLOURS = {"passed": "green", "warned": "yellow", "failed": "red"}


def check_bundle(
    bundle: Annotated[str, typer.Argument(help="Name of a shipped bundle, or the folder of any bundle.")],
    large_files: Annotated[
        str | None,
        typer.Option(
            help="Instead of checking, print a large_files.yml for weights that are uploaded below this URL.",
            metavar="URL",
            show_default=False,
        ),
    ] = None,
    trust: Trust = False,
) -> None:
    """Check a bundle for the zoo and MONAI Label.

    Lists what MONAI's model zoo, MONAI Label and `nlseg infer` would refuse or warn about, each with the remedy. Needs
    no network. The command runs the configs of the bundle, which are code: check only bundles that you trust. The exit
    code is 0 without failures and 3 with failures.
    """
    from monai_nlseg import check_bundle as checks
    from monai_nlseg.bundle import find_bundle

    root = find_bundle(bundle)
    if large_files is not None:
        typer.echo(checks.large_files(root, large_files), nl=False)
        return
    require_trust([root], trust)
    findings = checks.check_bundle(root)
    _show(findings)
    counts = {name: sum(finding.status == name for finding in findings) for name in COLOURS}
    say(f"{root.name}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    if counts["failed"]:
        raise typer.Exit(SOME_FAILED)


def _show(findings: Sequence[Finding]) -> None:
    """Print a table on a terminal, and otherwise one line for each finding."""
    if not console.is_terminal:
        for finding in findings:
            say(f"{finding.status.value}  {finding.check}: {finding.message}. {finding.remedy}".rstrip())
        return
    table = Table(show_edge=False, pad_edge=False)
    for column in ("", "check", "found", "remedy"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        status = Text(finding.status.value, style=COLOURS[finding.status.value])
        table.add_row(status, Text(finding.check), Text(finding.message), Text(finding.remedy))
    console.print(table)
