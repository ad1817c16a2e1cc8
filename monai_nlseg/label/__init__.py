"""An app of MONAI Label that serves bundles to annotators: written here, run by MONAI Label in its own environment.

Of its modules only those that the server alone loads (``app``, ``batch``, ``dicomweb``, ``infer``, ``train``,
``scoring``, ``strategies``) import ``monailabel``.
"""

from __future__ import annotations

from monai_nlseg.label.write import start_command, write_app

__all__ = ["start_command", "write_app"]
