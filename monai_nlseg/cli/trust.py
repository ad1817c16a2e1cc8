"""The command `nlseg trust`, and the notice of other commands before they run the code of a bundle."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from monai_nlseg.cli.console import say
from monai_nlseg.errors import listed, printable

Trust = Annotated[bool, typer.Option("--trust", help="Trust the code of the bundle from now on.")]


def trust(
    bundle: Annotated[Path | None, typer.Argument(help="Folder of a bundle.", show_default=False)] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Stop trusting the bundle.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the trusted bundles.")] = False,
) -> None:
    """Trust the code of a bundle.

    The configs and scripts of a bundle are code that runs with your rights. Other commands give notice before they run
    a bundle, until you trust it, and again after its code has changed. The list of trusted bundles is
    `monai_nlseg/trusted.json` in `~/.config` or in `XDG_CONFIG_HOME`. This command does not run any code of the bundle.
    """
    from monai_nlseg.bundle import code_digest, code_files, find_bundle, is_shipped, known_bundles

    if (bundle is None) != list_ or (list_ and forget):
        raise ValueError("give either the folder of a bundle, with or without --forget, or only --list.")
    if bundle is None:
        for digest, folder in sorted(known_bundles().items(), key=lambda item: item[1]):
            say(f"{printable(folder)}, SHA-256 {digest}")
        return
    if forget:
        count = _forget(bundle)
        state = "no longer trusted" if count else "not trusted, and was not before"
        say(f"{printable(bundle.resolve())} is {state}")
        return
    root = find_bundle(bundle)
    if is_shipped(root):
        say(f"{printable(root)} comes with the package, which is trusted")
        return
    files = [os.path.relpath(path, root) for path in code_files(root)]
    digest = code_digest(root)
    _remember(digest, root)
    say(f"{printable(root)} is trusted: {len(files)} files of code ({printable(listed(files))}), SHA-256 {digest}")


def trust_own(bundle: Path) -> None:
    """Trust a bundle that this command has just written itself.

    Args:
        bundle: folder of the bundle.
    """
    from monai_nlseg.bundle import code_digest

    _remember(code_digest(bundle), bundle)


def require_trust(bundles: Iterable[str | Path], trusted: bool) -> None:
    """Give notice, before any code of a bundle runs, that it runs with the user's rights, unless the bundle is trusted.

    On a terminal, ask the user whether to continue; otherwise continue.

    Args:
        bundles: paths of bundles, or names of shipped ones.
        trusted: whether the user trusts the bundles from now on, which suppresses the notice.

    Raises:
        ValueError: if a folder is not a bundle, or the user does not want to run a bundle.
    """
    from monai_nlseg.bundle import code_digest, find_bundle, is_shipped, known_bundles

    roots = [root for root in dict.fromkeys(map(find_bundle, bundles)) if not is_shipped(root)]
    if not roots:
        return
    # Python would write the compiled scripts beside the scripts, which would change the trusted code.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    known = known_bundles()
    for root in roots:
        digest = code_digest(root)
        if digest in known:
            continue
        if trusted:
            _remember_if_possible(digest, root)
            continue
        changed = "has changed since you trusted it" if str(root) in known.values() else "is not trusted yet"
        typer.echo(
            f"note: the bundle {printable(root)} {changed}: its configs and scripts are code that runs with your "
            f"rights; `nlseg trust {printable(shlex.quote(str(root)))}` or --trust ends this notice",
            err=True,
        )
        if sys.stdin.isatty() and sys.stderr.isatty():
            _require_yes(root)
            _remember_if_possible(digest, root)


def _require_yes(root: Path) -> None:
    try:
        run = typer.confirm("Run its code, and trust it from now on?", default=False, err=True)
    except typer.Abort:
        run = False
    if not run:
        raise ValueError(
            f"the bundle {printable(root)} is not trusted, so none of its code was run: read its configs first."
        )


def _remember(digest: str, root: Path) -> None:
    from monai_nlseg.bundle import change_known

    change_known(lambda known: known.update({digest: str(root)}))


def _remember_if_possible(digest: str, root: Path) -> None:
    """Remember a bundle, and only print a note if the list cannot be written, because the user has agreed to run it."""
    try:
        _remember(digest, root)
    except ValueError as error:
        typer.echo(f"note: {error}", err=True)


def _forget(bundle: Path) -> int:
    """Remove the entries of a folder, and those of its code in other folders, and return how many there were."""
    from monai_nlseg.bundle import change_known, code_digest

    folder = bundle.resolve()
    digest = code_digest(folder)
    count = 0

    def remove(known: dict[str, str]) -> None:
        nonlocal count
        gone = [each for each, where in known.items() if where == str(folder) or each == digest]
        count = len(gone)
        for each in gone:
            del known[each]

    change_known(remove)
    return count
