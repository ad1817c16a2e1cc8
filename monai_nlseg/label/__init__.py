"""An app of MONAI Label that serves bundles to annotators: written here, run by MONAI Label in its own environment.

Only the modules that the server alone loads import ``monailabel`` or ``fastapi``: ``app``, ``batch``, ``datastore``,
``dicomweb``, ``explain``, ``infer``, ``scoring``, ``strategies``, ``train``, ``weights`` and, in ``guard``,
``body_limit``, ``endpoints``, ``install``, ``rules`` and ``sessions``.
"""

from __future__ import annotations

from monai_nlseg.label.write import start_command, write_app

__all__ = ["start_command", "write_app"]
