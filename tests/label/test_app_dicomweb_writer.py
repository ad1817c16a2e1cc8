"""The program that writes DICOM SEG, in the environment or not."""

from __future__ import annotations

import sysconfig

import pytest

from monai_nlseg.label.dicomweb import require_writer


def test_it_is_found_though_path_does_not_know_the_environment(monkeypatch):
    monkeypatch.setenv("PATH", "")
    require_writer()


def test_without_it_the_server_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(ValueError, match="need the program itkimage2segimage: pip install dcmqi"):
        require_writer()
