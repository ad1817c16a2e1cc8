"""MONAI's workflow of a bundle's configs, with errors that name what is at fault."""

from __future__ import annotations

from typing import Any

from monai.bundle import ConfigWorkflow

from monai_nlseg.bundle.configs import require_references
from monai_nlseg.bundle.loaders import use_loaders


class Workflow(ConfigWorkflow):
    """A :class:`monai.bundle.ConfigWorkflow` that names an id that is not defined, or a file that cannot be loaded.

    Instead of MONAI's ``CheckpointLoader``, ``LoadImage`` and ``LoadImaged`` it uses those of
    :mod:`monai_nlseg.bundle.loaders`.

    Args:
        kwargs: arguments of :class:`monai.bundle.ConfigWorkflow`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        use_loaders(self.parser.config)

    def initialize(self) -> Any:
        """Initialize the workflow.

        Raises:
            ValueError: before anything is evaluated, if the configs refer to an id that none of them has.
        """
        require_references(self.parser, (self.init_id, self.run_id, self.final_id))
        use_loaders(self.parser.config)  # once more, because macros may have brought parts of other files
        return super().initialize()
