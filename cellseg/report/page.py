"""The page: one file with its pictures inside, and the same pictures as files beside it."""

import base64
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from cellseg import __version__
from cellseg.engine.geometry import receptive_field, trainable_parameters
from cellseg.evaluation.table import REPORT
from cellseg.files import write_text
from cellseg.report import advice, findings, provenance, tables
from cellseg.report.collect import collect
from cellseg.report.figures import draw
from cellseg.report.names import name_of
from cellseg.results import check_result_folder, replacing_folder

PAGE, FIGURES = "report.html", "figures"
_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


def write_report(root, out, say=lambda line: None):
    """Write the report on all experiments below a folder.

    Parameters
    ----------
    root : str or path
        See `cellseg.report.collect.collect`.
    out : str or path
        Folder for ``report.html`` and ``figures/``. It is replaced as a whole.
    say : callable
        Called with a line for each step.

    Returns
    -------
    path
        The page.

    Raises
    ------
    CellsegError
        If a record is damaged, there is no finished run, or `out` holds anything but an earlier report.
    """
    out = Path(out)
    check_result_folder(out)
    say(f"reading {root}")
    collection = collect(root)
    for note in collection.notes:
        say(f"warning: {note}")
    with replacing_folder(out) as folder:
        (folder / FIGURES).mkdir()
        drawn = draw(collection, folder / FIGURES, say)
        say(f"writing {out / PAGE}")
        write_text(folder / PAGE, render(collection, drawn, folder))
    return out / PAGE


def render(collection, drawn, folder):
    """Fill the template.

    Parameters
    ----------
    collection : cellseg.report.experiments.Collection
    drawn : cellseg.report.figures.Figures
    folder : path
        Where the page goes; links to the pictures' files are relative to it.

    Returns
    -------
    str
        HTML that needs no other file and no network.
    """
    loader = PackageLoader("cellseg.report")
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters.update(
        number=_number,
        signed=lambda value, digits=3: f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}"),
        percent=lambda share: f"{100 * share:.0f}\N{NO-BREAK SPACE}%",
        thousands=lambda value: f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}"),
        duration=provenance.duration,
        upper_first=lambda text: text[:1].upper() + text[1:],
        uri=_uri,
        link=lambda path: Path(path).relative_to(folder).as_posix(),
    )
    page.globals.update(verdict=findings.verdict, name_of=name_of)
    main = collection.main
    return page.get_template("report.html").render(
        version=__version__,
        collection=collection,
        main=main,
        first=main.first,
        pictures=drawn.pictures,
        shown=drawn.shown,
        errors=drawn.errors,
        parameters=trainable_parameters,
        field=receptive_field,
        headline=findings.headline(collection),
        report=[{"threshold": threshold, **values} for _, threshold, values, _ in REPORT],
        table_1=tables.table_1(collection),
        honest=tables.honest_table(collection),
        objects=tables.object_table(collection),
        numbered=tables.cells_are_numbered(collection),
        ablation=tables.ablation_table(collection),
        missing=advice.missing(collection, drawn.pictures),
        runs=provenance.runs(collection),
        data_sets=provenance.data_sets(collection),
        stand_ins=provenance.stand_ins(collection),
        engines=provenance.engines(collection),
    )


def _number(value, digits=3):
    """A float or a `cellseg.report.tables.Number` as text, without its standard deviation."""
    if isinstance(value, tables.Number):
        value, digits = value.mean, value.digits
    if value is None:
        return "\N{EN DASH}"
    return f"{value:,.{digits}f}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", "\N{MINUS SIGN}")


def _uri(path):
    """A picture's file as a data URI."""
    path = Path(path)
    return f"data:{_TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
