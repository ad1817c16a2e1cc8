"""Data lists of a workflow that is built where the data are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class Deferred:
    """List that a reader returns; an error of the reader is raised when the list is first used.

    MONAI builds data sets, loaders and engines before a workflow runs, and ``check_properties`` builds them to look at
    them. With its data lists deferred, a bundle's config can be built where the data are not; the reader's error is
    raised when the first entry is asked for. ``monai_nlseg.bundle.require_cases`` does that when a run begins.

    Args:
        read: a reader such as :func:`ibsr_datalist`, or a function that makes one list from another; may return a list
            or a mapping.
        args: its arguments, which may be deferred, too.
        kwargs: its keyword arguments.

    Examples::

        >>> datalist = Deferred(sorted, ["b", "a"])
        >>> len(datalist), datalist[0]
        (2, 'a')
        >>> from monai_nlseg.data import volume_datalist
        >>> len(Deferred(volume_datalist, "no/such/folder"))
        0
    """

    def __init__(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self._content: Any = ()
        self._error: ValueError | None = None
        try:
            for argument in args:
                if isinstance(argument, Deferred):
                    _ = argument.content  # so that an error stays that of the first reader
            self._content = read(*args, **kwargs)
        except ValueError as error:
            self._error = error

    @property
    def content(self) -> Any:
        """Value that the reader returned.

        Raises:
            ValueError: what the reader raised.
        """
        if self._error is not None:
            raise self._error
        return self._content

    def __len__(self) -> int:
        """Return the number of entries; 0 if they could not be read."""
        return len(self._content)

    def __getitem__(self, key: Any) -> Any:
        return self.content[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.content)
