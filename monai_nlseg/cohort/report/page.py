"""The page of a run: one file that holds everything it shows."""

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
from monai_nlseg.cohort.report.viewer import viewer_licence, viewer_script
from monai_nlseg.io.files import written_beside

logger = logging.getLogger(__name__)

UNLIKE = 1_000
"""Number of flags that weighs as much as an image unlike what the bundle was made for."""
SCRIPTS = ("dom.js", "summary.js", "histograms.js", "pictures.js", "cases.js", "viewer.js", "detail.js", "main.js")


def write_report(
    output: Path,
    records: Iterable[Mapping[str, Any]],
    run: Mapping[str, Any],
    path: Path | None = None,
    volume_budget_bytes: int = 256 * 1024**2,
) -> Path:
    """Write the page on which a person checks a run: its cases with pictures, flags and figures, sorted and filtered.

    The page holds everything it shows and requests nothing from outside. Cases that failed come first, then cases that
    are unlike what the bundle was made for, then cases with other flags (see
    :func:`monai_nlseg.cohort.outliers.find_flags`).

    Args:
        output: folder of the run, to which the paths in the records are relative. A case whose preview is missing is
            shown without a picture.
        records: records of the run's cases; of several records of one case the last counts.
        run: content of ``run.json``. "bundle" {"title" or "name", "version"}, "started" and "ended" (ISO 8601) are
            shown at the top, the rest below.
        path: file to write; ``output / "report.html"`` by default.
        volume_budget_bytes: bytes of the page that volumes and frames may take. They are embedded in the order of the
            cases until the budget is spent; pictures of the slices are embedded for all cases.

    Returns:
        The path of the page.
    """
    path = path or output / "report.html"
    cases = list({record["case"]: record for record in records}.values())
    flags = find_flags(cases)
    cases.sort(key=lambda record: (-_attention(record, flags), record["case"]))
    data = {
        "run": run,
        "summary": _summary(cases, flags, run),
        "labels": _labels(cases),
        "cases": [{**record, "flags": flags.get(record["case"], [])} for record in cases],
        "budget": volume_budget_bytes,
    }
    with written_beside(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_head(data))
        file.writelines(_content(_previews(output, cases), volume_budget_bytes))
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


def _content(previews: Iterable[tuple[int, Preview]], budget: int) -> Iterator[str]:
    """Yield the cases' pictures, volumes and frames within the budget, and NiiVue before the first volume."""
    viewer = False
    for number, preview in previews:
        yield _block(f"pictures-{number}", {"kind": preview.kind, "slices": pictures(preview)})
        if budget <= 0 or not (content := series(preview)):
            continue
        block = _block(f"series-{number}", content)
        budget -= len(block)
        if budget < 0:
            continue
        if preview.kind == "volume" and not viewer:
            viewer = True
            yield f'<script type="text/plain" id="viewer-script">{_base64(viewer_script())}</script>\n'
        yield block


def _labels(cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the labels of all cases, sorted by value: "value", "name", "color" and "unit" of each."""
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
    # A resumed run also has cases from before its start.
    begun = [_time(record.get("started")) for record in cases]
    hours = (end - start) / 3600
    return {**counts, "hours": hours, "rate": sum(each is not None and each >= int(start) for each in begun) / hours}


def _time(text: Any) -> float | None:
    try:
        # Python 3.10 does not read the Z of UTC.
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (AttributeError, ValueError):
        return None


def _head(data: Mapping[str, Any]) -> str:
    style, script = _asset("page.css"), "".join(map(_asset, SCRIPTS))
    # NiiVue is allowed by its sum, as the page's own script is: no other script runs.
    scripts = f"{_digest(script.encode())} {_digest(gzip.decompress(viewer_script()))}"
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src {_digest(style.encode())}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    bundle = data["run"].get("bundle")
    names = [bundle.get(key) for key in ("title", "name")] if isinstance(bundle, Mapping) else []
    title = str(next(filter(None, names), "Cohort"))
    return Template(_asset("page.html")).substitute(
        policy=policy,
        title=html.escape(title),
        style=style,
        script=script,
        data=_block("data", data),
        licence=html.escape(viewer_licence()),
    )


def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _digest(content: bytes) -> str:
    return f"'sha256-{_base64(hashlib.sha256(content).digest())}'"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _block(name: str, content: Any) -> str:
    """Return a script element of JSON that no HTML parser can take for markup."""
    text = json.dumps(_finite(content), separators=(",", ":"), allow_nan=False, default=str)
    escaped = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'<script type="application/json" id="{name}">{escaped}</script>\n'


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
