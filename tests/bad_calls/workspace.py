"""The files that the bad calls name."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
import yaml
from PIL import Image

from monai_nlseg.bundle import find_bundle
from tests.experiments.tiny import content

T1 = "brain_t1_nonlocal_unet_segmentation"
JUNK = bytes(range(256)) * 8
DEEP = 100_000
LONG = "9" * 5000


def make_workspace(folder: Path) -> None:
    """Fill a folder with good files, and with those that are damaged in one way each."""
    for name in ("folder", "scans", "truth", "masks", "lists", "weights", "files", "apps", "bundles"):
        (folder / name).mkdir(parents=True)
    images(folder)
    kaggle(folder / "masks")
    lists(folder / "lists")
    weights(folder / "weights")
    experiments(folder / "files")
    bundles(folder / "bundles")
    (folder / "taken").mkdir()
    (folder / "taken" / "thesis.txt").write_text("of somebody else")
    for name, damaged in damage(b"text").items():
        (folder / name).write_bytes(damaged)


def damage(whole: bytes) -> dict[str, bytes]:
    return {"empty": b"", "junk": JUNK, "cut": whole[: len(whole) // 2], "nul": b"\0" * 2000}


def images(folder: Path) -> None:
    volume = np.zeros((12, 10, 9), np.float32)
    volume[2:-2, 2:-2, 2:-2] = np.random.default_rng(0).uniform(50, 100, (8, 6, 5))
    good = folder / "scans" / "a.nii.gz"
    nib.save(nib.Nifti1Image(volume, np.eye(4)), good)
    nib.save(nib.Nifti1Image((volume > 60).astype(np.uint8), np.eye(4)), folder / "truth" / "a.nii.gz")
    nib.save(nib.Nifti1Image(volume, np.eye(4)), folder / "scan.nii.gz")
    nib.save(nib.Nifti1Image(volume, np.diag([1e30, 1e30, 1e30, 1.0])), folder / "huge_spacing.nii.gz")
    header = gzip.decompress(good.read_bytes())
    large = bytearray(header)
    large[42:48] = np.array([32767] * 3, "<i2").tobytes()
    (folder / "large.nii").write_bytes(bytes(large))
    for name, damaged in damage(good.read_bytes()).items():
        (folder / f"{name}.nii.gz").write_bytes(damaged)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(folder / "photo.png")
    for name, damaged in damage((folder / "photo.png").read_bytes()).items():
        (folder / f"{name}.png").write_bytes(damaged)


def kaggle(folder: Path) -> None:
    mask = np.zeros((420, 580), np.uint8)
    mask[100:200, 100:200] = 255
    Image.fromarray(mask).save(folder / "1_mask.png")
    tables = {
        "good": "img,pixels\n1,1 5\n",
        "headless": "1,1 5\n",
        "words": "img,pixels\none,1 5\n",
        "twice": "img,pixels\n1,1 5\n1,1 5\n",
        "runs": "img,pixels\n1,1 -5\n",
        "beyond": f"img,pixels\n1,1 {LONG}\n",
        "number": f"img,pixels\n{LONG},1 5\n",
        "none": "img,pixels\n",
    }
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    for name, damaged in damage(b"img,pixels\n1,1").items():
        (folder / f"{name}.csv").write_bytes(damaged)


def lists(folder: Path) -> None:
    texts = {
        "deep.json": "[" * DEEP + "]" * DEEP,
        "number.json": f'[{{"image": {LONG}}}]',
        "count.json": f'{{"testing": {LONG}}}',
        "nan.json": '[{"case": NaN, "image": "../scans/a.nii.gz"}]',
        "infinite.json": '[{"case": Infinity, "image": "../scans/a.nii.gz"}]',
        "text.json": '"a.nii.gz"',
        "null.json": "null",
        "names.json": '{"training": [], "validation": []}',
        "nul_path.json": '[{"case": "a", "image": "a\\u0000.nii.gz"}]',
        "newline.json": '[{"case": "a\\nb", "image": "../scans/a.nii.gz"}]',
        "up.json": '[{"case": "../a", "image": "../scans/a.nii.gz"}]',
        "twice.json": '[{"case": "a", "image": "../scans/a.nii.gz"}, {"case": "a", "image": "../scan.nii.gz"}]',
        "list_name.json": '[{"case": ["a"], "image": "../scans/a.nii.gz"}]',
        "long_name.json": json.dumps([{"case": "a" * 5000, "image": "../scans/a.nii.gz"}]),
        "long_path.json": json.dumps([{"case": "a", "image": "a" * 5000}]),
        "number_image.json": '[{"case": "a", "image": 7}]',
        "no_image.json": '[{"case": "a"}]',
        "surrogate.json": '[{"case": "\\ud800", "image": "../scans/a.nii.gz"}]',
        "lines.jsonl": '{"case": "a", "image": "../scans/a.nii.gz"}\n{"case": \n',
        "deep.jsonl": '{"a":' * DEEP + "\n",
        "numbers.jsonl": f'{{"case": {LONG}, "image": "a"}}\n',
        "head.csv": "case,nothing\na,b\n",
        "cells.csv": "case,image\na\n",
        "nul_path.csv": "case,image\na,a\0.nii.gz\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "latin.csv").write_bytes("case,image\nmüller,../scans/a.nii.gz\n".encode("latin-1"))
    (folder / "latin.json").write_bytes('[{"case": "müller", "image": "a.nii.gz"}]'.encode("latin-1"))
    for suffix in ("csv", "json", "jsonl"):
        for name, damaged in damage(b'[{"case": "a", "image"').items():
            (folder / f"{name}.{suffix}").write_bytes(damaged)


def weights(folder: Path) -> None:
    torch.save({"a": torch.zeros(3)}, folder / "other.pt")
    torch.save([1, 2], folder / "list.pt")
    torch.save({"model": print}, folder / "pickle.pt")
    (folder / "text.pt").write_text("weights")
    np.savez(folder / "other.npz", a=np.zeros(3))
    np.savez(folder / "objects.npz", a=np.array([{}], dtype=object))
    for name, damaged in damage((folder / "other.pt").read_bytes()).items():
        (folder / f"{name}.pt").write_bytes(damaged)
    for name, damaged in damage((folder / "other.npz").read_bytes()).items():
        (folder / f"{name}.npz").write_bytes(damaged)


def experiments(folder: Path) -> None:
    given = content()
    protocol = given["protocol"]
    changes = {
        "folds": {"protocol": protocol | {"folds": 10**12}},
        "first": {"protocol": protocol | {"first": -1}},
        "repeats": {"protocol": {"kind": "random", "by": "subject", "repeats": 10**12}},
        "seed": {"protocol": protocol | {"seed": 10**30}},
        "seed_below": {"protocol": protocol | {"seed": -1}},
        "validation": {"protocol": protocol | {"validation": float("nan")}},
        "ratios": {"protocol": {"kind": "random", "by": "subject", "ratios": [float("nan"), 1]}},
        "ratios_huge": {"protocol": {"kind": "random", "by": "subject", "ratios": [1e308, 1e308]}},
        "ratios_many": {"protocol": {"kind": "random", "by": "subject", "ratios": [10**400, 1]}},
        "kind": {"protocol": {"kind": "magic"}},
        "overlays": {"overlays": 10**12},
        "overlays_below": {"overlays": -1},
        "grid": {"grid": {f"a{count}": list(range(50)) for count in range(8)}},
        "colors": {"colors": {-1: "#ff0000"}},
        "colour": {"colors": {1: "nonsense"}},
        "key": {"modells": {}},
        "models": {"models": []},
        "scale": {"tables": [{"title": "T", "columns": {"Dice": {"metric": "m", "scale": float("nan")}}}]},
        "decimals": {"tables": [{"title": "T", "columns": {"Dice": {"metric": "m", "decimals": 10**9}}}]},
        "bundle": {"bundle": "nonsense"},
        "bundle_number": {"bundle": 7},
        "published": {
            "tables": [{"title": "T", "columns": {"Dice": {"metric": "m"}}, "published": {"wide": {"Dice": 10**400}}}]
        },
    }
    for name, change in changes.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(given | change))
    (folder / "good.yaml").write_text(yaml.safe_dump(given))
    (folder / "deep.yaml").write_text("[" * 5000 + "]" * 5000)
    (folder / "deep_mapping.yaml").write_text("{a: " * 5000 + "}" * 5000)
    (folder / "number.yaml").write_text(f"title: {LONG}\n")
    (folder / "anchors.yaml").write_text(
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefghi", "bcdefghij"))
    )
    (folder / "code.yaml").write_text("title: !!python/object/apply:os.system ['true']\n")
    (folder / "date.yaml").write_text("title: 2024-99-99\n")
    (folder / "hash.yaml").write_text("{[]: 1}\n")
    (folder / "list.yaml").write_text("[1, 2]\n")
    (folder / "cyclic.yaml").write_text("models: &a {x: *a}\ntables: []\n")
    for name, damaged in damage((folder / "good.yaml").read_bytes()).items():
        (folder / f"{name}.yaml").write_bytes(damaged)


def bundles(folder: Path) -> None:
    """Copies of a shipped bundle without its weights, of which one file is damaged each."""
    files = {
        "empty_metadata": ("metadata.json", b""),
        "junk_metadata": ("metadata.json", JUNK),
        "deep_metadata": ("metadata.json", b"[" * DEEP),
        "number_metadata": ("metadata.json", b'{"version": ' + LONG.encode() + b"}"),
        "list_metadata": ("metadata.json", b"[]"),
        "empty_inference": ("inference.json", b""),
        "junk_inference": ("inference.json", JUNK),
        "deep_inference": ("inference.json", b"[" * DEEP),
        "number_inference": ("inference.json", b'{"step": ' + LONG.encode() + b"}"),
        "list_inference": ("inference.json", b"[]"),
        "no_inference": ("inference.json", None),
    }
    source = find_bundle(T1)
    for name, (file, damaged) in files.items():
        shutil.copytree(source / "configs", folder / name / "configs")
        if damaged is None:
            (folder / name / "configs" / file).unlink()
        else:
            (folder / name / "configs" / file).write_bytes(damaged)
    for name, damaged in damage((source / "models" / "model.pt").read_bytes()).items():
        shutil.copytree(source / "configs", folder / f"{name}_weights" / "configs")
        (folder / f"{name}_weights" / "models").mkdir()
        (folder / f"{name}_weights" / "models" / "model.pt").write_bytes(damaged)
