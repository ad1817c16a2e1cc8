"""nnU-Net's default trainer with a budget of the processor's time. Copy it into nnU-Net's folder of trainers."""

from __future__ import annotations

import os

import numpy as np
import psutil
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerCPUBudget(nnUNetTrainer):
    """Train until this process and its workers have used the CPU seconds of the environment's NNUNET_CPU_SECONDS.

    The learning rate, 0.01 * (1 - t)^0.9, falls over the share t of the budget that is used, so that it ends with the
    budget on a machine with other work, too. All else that trains is nnU-Net's default. The validation after each epoch
    is left out, and that at the end, which with fold "all" would be on the training cases.
    """

    def cpu_seconds(self) -> float:
        """Return the seconds of all processors that this process and those it started have used."""
        process = psutil.Process()
        times = [process.cpu_times(), *(child.cpu_times() for child in process.children(recursive=True))]
        ended = times[0].children_user + times[0].children_system
        return ended + sum(time.user + time.system for time in times)

    def run_training(self) -> None:
        """Train, and write the final checkpoint."""
        budget = float(os.environ["NNUNET_CPU_SECONDS"])
        self.on_train_start()
        self.network.train()
        losses: list[float] = []
        while (used := self.cpu_seconds()) < budget:
            for group in self.optimizer.param_groups:
                group["lr"] = self.initial_lr * (1 - used / budget) ** 0.9
            losses.append(float(self.train_step(next(self.dataloader_train))["loss"]))
            self.print_to_log_file(f"iteration {len(losses)}: {used:.0f} of {budget:.0f} s, loss {losses[-1]:.4f}")
        self.print_to_log_file(
            f"{len(losses)} iterations on {torch.get_num_threads()} threads, mean of the last ten losses "
            f"{np.mean(losses[-10:]):.4f}"
        )
        self.current_epoch = 1
        self.on_train_end()

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Do nothing."""
