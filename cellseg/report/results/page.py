"""The page: ``index.html`` in a folder of results, one file with its pictures inside."""

import base64
import hashlib
from pathlib import Path
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from cellseg import __version__
from cellseg.files import write_text
from cellseg.report.results.cells import choose_bins
from cellseg.report.results.read import read_results
from cellseg.report.results.settings import groups
from cellseg.results import check_result_files, replacing_files

PAGE = "index.html"
_ORDER = ("failed", "damaged", "doubtful")


def check_page(out):
    """Refuse a folder in which the page's place is taken.

    Parameters
    ----------
    out : str or path
        Folder of results; it need not be there.

    Raises
    ------
    CellsegError
        If it holds an ``index.html`` that cellseg has not written, or that was changed since.
    """
    check_result_files(out, (PAGE,))


def write_page(out):
    """Write the page over a folder of results, in place of an earlier one.

    Parameters
    ----------
    out : str or path
        What ``cellseg segment --out`` was given.

    Returns
    -------
    path
        The page.

    Raises
    ------
    CellsegError
        If there is an ``index.html`` that is not ours, or it cannot be written. Missing or damaged results are no
        error: the page names them.
    """
    out = Path(out)
    with replacing_files(out, (PAGE,)) as beside:
        write_text(beside / PAGE, render(out))
    return out / PAGE


def render(out):
    """The page as text.

    Parameters
    ----------
    out : path

    Returns
    -------
    str
        HTML that needs no other file; the overlays in full size are links into the folder.
    """
    images, why = read_results(out)
    alike = groups([(image.name, image.record) for image in images if image.record])
    letters = {name: group.letter for group in alike for name in group.images}
    measures = _measures(images)
    rows = [_row(number, image, letters, measures) for number, image in enumerate(images)]
    flagged = [row for state in _ORDER for row in rows if row["state"] == state]
    loader = PackageLoader("cellseg.report")
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters.update(thousands=_thousands, significant=_significant)
    script = loader.get_source(page, "results.js")[0]
    return page.get_template("results.html").render(
        version=__version__,
        folder=out.resolve().name,
        why=why,
        rows=rows,
        flagged=flagged,
        fine=[row for row in rows if row["state"] == "fine"],
        cells=sum(row["count"] or 0 for row in rows),
        planes=sum(row["planes"] or 0 for row in rows),
        failed=sum(row["state"] == "failed" for row in rows),
        groups=alike,
        area_unit=measures[0]["unit"],
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        data={"images": [row["data"] for row in rows], "measures": [_shown(measure) for measure in measures]},
    )


def _measures(images):
    """Area and intensity of all cells: title, unit, bins and the values of each image."""
    sizes = np.concatenate([image.cells.area_um2 for image in images] or [np.zeros(0)])
    micrometres = sizes.size > 0 and bool(np.isfinite(sizes).all())
    areas = [image.cells.area_um2 if micrometres else image.cells.area for image in images]
    greys = [image.cells.intensity for image in images]
    area = {"title": "Area", "unit": "µm²" if micrometres else "pixels", "values": areas, "start": 0}
    grey = {"title": "Mean intensity", "unit": "grey value", "values": greys, "start": None}
    for measure in (area, grey):
        values = measure["all"] = np.concatenate(measure["values"] or [np.zeros(0)])
        measure["bins"] = choose_bins(values, measure["start"]) if values.size else None
    return [area, grey]


def _shown(measure):
    """What the page's script needs of a measure."""
    bins, values = measure["bins"], measure["all"]
    shown = {"title": measure["title"], "unit": measure["unit"], "median": _median(values)}
    if bins:
        outer = {"below": bool((values < bins.start).any()), "above": bool((values >= _end(bins)).any())}
        shown |= {"start": bins.start, "width": bins.width, "counts": bins.count(values), **outer}
    return shown


def _end(bins):
    return bins.start + bins.width * bins.number


def _row(number, image, letters, measures):
    """What the template needs of an image; `data` is for the script."""
    summary = image.record.summary if image.record else {}
    values = [measure["values"][number] for measure in measures]
    known = all(len(one) for one in values)
    urls = [name and f"{quote(image.name)}/{name}" for name in image.overlays]
    planes = list(zip(image.labels, image.record.planes)) if image.record else []
    data = {
        "name": image.name,
        "planes": [[label, plane.get("count")] for label, plane in planes] if len(planes) > 1 else [],
        "overlays": urls,
        "counts": [measure["bins"].count(one) for measure, one in zip(measures, values)] if known else [],
        "medians": [_median(one) for one in values],
    }
    wanted = ("planes", "height", "width", "count", "covered_fraction")
    return {
        **{name: summary.get(name) for name in wanted},
        "number": number,
        "name": image.name,
        "state": image.state,
        "notes": image.notes,
        "overlay": next(filter(None, urls), ""),
        "thumbnail": image.thumbnail,
        "letter": letters.get(image.name, ""),
        "medians": data["medians"],
        "data": data,
    }


def _median(values):
    return float(f"{np.median(values):.7g}") if len(values) else None


def _thousands(value):
    return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _significant(value):
    return "\N{EN DASH}" if value is None else f"{value:,.4g}".replace(",", "\N{NARROW NO-BREAK SPACE}")
