"""The folder of a run: where what is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def plan(self) -> Path:
        """The settings, with their reasons."""
        return self.path / "plan.yaml"

    @property
    def fingerprint(self) -> Path:
        """The measures of the data."""
        return self.path / "fingerprint.json"

    @property
    def inspection(self) -> Path:
        """The page about the data, with pictures."""
        return self.path / "inspection.html"

    @property
    def datalist(self) -> Path:
        """The cases of each fold and of the test part."""
        return self.path / "datalist.json"

    @property
    def snapshot(self) -> Path:
        """The state of the files that are trained on."""
        return self.path / "snapshot.json"

    @property
    def record(self) -> Path:
        """What the run was begun with."""
        return self.path / "run.json"

    @property
    def result(self) -> Path:
        """The result; it is written last."""
        return self.path / "result.json"

    @property
    def command(self) -> Path:
        """What was asked for on the command line."""
        return self.path / "command.json"

    @property
    def initial(self) -> Path:
        """The weights that all folds start from, if the plan names a bundle to start from."""
        return self.path / "initial_weights.pt"

    @property
    def bundle(self) -> Path:
        """The finished bundle, complete and copyable."""
        return self.path / "bundle"

    @property
    def evaluation(self) -> Path:
        """The folder of the metrics of the validation cases of all folds."""
        return self.path / "evaluation"

    @property
    def test(self) -> Path:
        """The folder of the predictions and metrics of the test cases."""
        return self.path / "test"

    def fold(self, number: int) -> Path:
        """Return the folder of a fold.

        Args:
            number: number of the fold, from 1.
        """
        return self.path / "folds" / f"fold_{number}"
