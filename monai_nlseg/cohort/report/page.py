"""One self-contained page of a run."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from monai_nlseg.cohort.outliers import Flag, find_flags
from monai_nlseg.cohort.preview import Preview, load_preview
from monai_nlseg.cohort.report.pictures import label_color, pictures, series
from monai_nlseg.cohort.report.viewer import LICENCE, viewer_script
from monai_nlseg.files import written_beside

__all__ = ["write_report"]

logger = logging.getLogger(__name__)

UNLIKE = 1_000
"""Flags that being unlike what the bundle was made for outweighs."""
SCRIPTS = ("dom.js", "summary.js", "histograms.js", "pictures.js", "cases.js", "viewer.js", "detail.js", "main.js")


def write_report(
    output: Path,
    records: Iterable[Mapping[str, Any]],
    run: Mapping[str, Any],
    path: Path | None = None,
    volume_budget_bytes: int = 256 * 1024**2,
) -> Path:
    """Write the page on which a run is checked: its cases with pictures, flags and figures, sorted and filtered.

    The page holds everything it shows and reaches nothing outside. Cases that failed, then those that are
    unlike what the bundle was made for, then others that are flagged (see
    :func:`monai_nlseg.cohort.outliers.find_flags`) come first. Without nilearn it has no volume viewer and says so.

    Args:
        output: folder of the run; the records' paths are below it. A case whose preview is not there has no picture.
        records: of the run's cases; the last of each counts.
        run: what ``run.json`` holds; "bundle" {"title" or "name", "version"}, "started" and "ended" (ISO 8601) are
            shown on top, the rest beneath.
        path: of the page, ``output / "report.html"`` by default.
        volume_budget_bytes: how much of the page volumes and frames may take. They are embedded in the order of the
            cases until it is spent; pictures of the slices are embedded of all.

    Returns:
        The path of the page.
    """
    path = path or output / "report.html"
    cases = list({record["case"]: record for record in records}.values())
    flags = find_flags(cases)
    cases.sort(key=lambda record: (-_attention(record, flags), record["case"]))
    script = viewer_script()
    data = {
        "run": run,
        "summary": _summary(cases, flags, run),
        "labels": _labels(cases),
        "cases": [{**record, "flags": flags.get(record["case"], [])} for record in cases],
        "viewer": script is not None,
        "budget": volume_budget_bytes,
    }
    with written_beside(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_head(data, script))
        budget = volume_budget_bytes
        for number, preview in _previews(output, cases):
            file.write(_block(f"pictures-{number}", {"kind": preview.kind, "slices": pictures(preview)}))
            if budget > 0 and (script or preview.kind == "frames") and (content := series(preview)):
                block = _block(f"series-{number}", content)
                budget -= len(block)
                file.write(block if budget >= 0 else "")
        file.write("</body>\n</html>\n")
    return path


def _attention(record: Mapping[str, Any], flags: Mapping[str, Sequence[Flag]]) -> float:
    if record["status"] == "failed":
        return math.inf
    return (UNLIKE if "unlike" in record else 0) + len(flags.get(record["case"], ()))


def _previews(output: Path, cases: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Preview]]:
    for number, record in enumerate(cases):
        entry = (record.get("outputs") or {}).get("preview")
        if entry is None or not (output / entry["path"]).is_file():
            continue
        try:
            yield number, load_preview(output / entry["path"])
        except ValueError as error:
            logger.warning("%s", error)


def _labels(cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The labels of all cases by value: "value", "name", "color", "unit"."""
    entries: dict[int, list[Mapping[str, Any]]] = {}
    for record in cases:
        for label, entry in (record.get("labels") or {}).items():
            entries.setdefault(int(label), []).append(entry)
    return [
        {
            "value": label,
            "name": found[0].get("name") or f"label {label}",
            "color": label_color(label),
            "unit": "ml" if all(entry.get("ml") is not None for entry in found) else "voxels",
        }
        for label, found in sorted(entries.items())
    ]


def _summary(
    cases: Sequence[Mapping[str, Any]], flags: Mapping[str, Sequence[Flag]], run: Mapping[str, Any]
) -> dict[str, Any]:
    failed = sum(record["status"] == "failed" for record in cases)
    unlike = sum("unlike" in record for record in cases)
    counts = {"cases": len(cases), "done": len(cases) - failed, "failed": failed}
    counts |= {"unlike": unlike, "flagged": len(flags)}
    start, end = _time(run.get("started")), _time(run.get("ended"))
    if start is None or end is None or not start < end:
        return {**counts, "hours": None, "rate": None}
    # A run that was taken up again has cases of before.
    begun = [_time(record.get("started")) for record in cases]
    hours = (end - start) / 3600
    return {**counts, "hours": hours, "rate": sum(each is not None and each >= int(start) for each in begun) / hours}


def _time(text: Any) -> float | None:
    try:
        # Python 3.10 does not know the Z of UTC.
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (AttributeError, ValueError):
        return None


def _head(data: Mapping[str, Any], viewer: str | None) -> str:
    style, script = _asset("page.css"), "".join(map(_asset, SCRIPTS))
    scripts = " ".join(_digest(text) for text in (script, viewer) if text)
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src {_digest(style)}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    bundle = data["run"].get("bundle")
    names = [bundle.get(key) for key in ("title", "name")] if isinstance(bundle, Mapping) else []
    title = str(next(filter(None, names), "Cohort"))
    packed = base64.b64encode(gzip.compress(viewer.encode(), mtime=0)).decode() if viewer else ""
    return Template(_asset("page.html")).substitute(
        policy=policy,
        title=html.escape(title),
        style=style,
        script=script,
        data=_block("data", data),
        viewer=f'<script type="text/plain" id="viewer-script">{packed}</script>\n' if viewer else "",
        licence=html.escape(LICENCE),
    )


def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _block(name: str, content: Any) -> str:
    """JSON that no parser of HTML can take for markup."""
    text = json.dumps(_finite(content), separators=(",", ":"), allow_nan=False, default=str)
    escaped = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'<script type="application/json" id="{name}">{escaped}</script>\n'


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
