"""The command `nlseg label-app`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from monai_nlseg.cli.console import say
from monai_nlseg.cli.trust import Trust, require_trust


def label_app(
    output: Annotated[Path, typer.Option(help="Folder of the app, which this command creates.")],
    bundles: Annotated[
        list[str] | None, typer.Option(help="Name of a shipped bundle or folder of any; repeatable. Default: all.")
    ] = None,
    studies: Annotated[
        str, typer.Option(help="Folder of the images, or URL of a DICOMweb server, for the printed command.")
    ] = "studies",
    port: Annotated[int, typer.Option(help="Port for the printed command.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Host for the printed command; 0.0.0.0 opens the server to the network, unprotected.")
    ] = "127.0.0.1",
    origins: Annotated[
        list[str] | None,
        typer.Option(help="Web page that may use the server: https://viewer.example; repeatable, or comma-separated."),
    ] = None,
    trust: Trust = False,
) -> None:
    """Write a MONAI Label app.

    The app serves bundles to 3D Slicer, OHIF and other programs for annotators. Prints the command that starts its
    server.
    """
    from monai_nlseg.label import start_command, write_app
    from monai_nlseg.label.addresses import origin_list

    command = start_command(output, studies, port, host)
    listed = origin_list(origins or ())
    require_trust(bundles or (), trust)
    names = write_app(output, bundles or (), {"origins": ",".join(listed)} if listed else {})
    say(f"{output} serves {', '.join(names)}; start it with")
    print(command)
    if "://" not in studies and not Path(studies).is_dir():
        say(f"There is no folder {studies}: MONAI Label would create an empty one, so check its name or fill it first.")
    if not find_spec("monailabel"):
        say("MONAI Label is not installed here: run the command in its environment, which `make label` creates.")
