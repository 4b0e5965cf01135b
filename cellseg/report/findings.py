"""The numbers for the page's sentences, all from the records. No result is written into the page beforehand."""

from typing import NamedTuple

import numpy as np

from cellseg.evaluation.table import REPORT
from cellseg.images.masks import components
from cellseg.report.names import name_of
from cellseg.report.tables import baselines, number

_ALIKE = 0.005  # the page calls two MCCs equal if they differ by less


class Errors(NamedTuple):
    """The errors of a network, to compare with what the report says of its own (section 7.2).

    Attributes
    ----------
    false_positives, false_negatives : int
        Number of wrong pixels of each kind.
    false_objects : int
        Number of found objects that touch no cell.
    false_area, cell_area : float or None
        Median area of these objects and of true cells, in pixels.
    large_recall, small_recall : float or None
        Share of the pixels that were found, in the larger half of the cells and in the smaller half.
    """

    false_positives: int
    false_negatives: int
    false_objects: int
    false_area: float | None
    cell_area: float | None
    large_recall: float | None
    small_recall: float | None


def errors(predictions, threshold):
    """Count the errors of a network.

    Parameters
    ----------
    predictions : list of cellseg.evaluation.predictions.Prediction
    threshold : float

    Returns
    -------
    Errors
    """
    cells, strays, wrong = [], [], np.zeros(2, int)
    for prediction in predictions:
        found = prediction.probability.astype(np.float64) >= threshold
        truth = prediction.mask
        wrong += (found & ~truth).sum(), (truth & ~found).sum()
        cells.append(_areas(components(truth), found))
        areas = _areas(components(found), truth)
        strays.append(areas[areas[:, 1] == 0])
    cells, strays = np.concatenate(cells), np.concatenate(strays)[:, 0]
    middle = np.median(cells[:, 0]) if len(cells) else 0
    large = cells[:, 0] > middle
    return Errors(
        *map(int, wrong),
        len(strays),
        _median(strays),
        _median(cells[:, 0]),
        _share(cells[large]),
        _share(cells[~large]),
    )


def headline(collection):
    """The numbers for the first paragraph and for the comparison with the report.

    Returns
    -------
    dict
        The keys of `scores` for the main group; the report's MCCs ``report_before`` and ``report_after``;
        ``baselines`` as of `cellseg.report.tables.baselines` and ``strongest``, the best of them; ``others``, one
        dict for each further recipe with ``name`` and the keys of `scores`.
    """
    main, found = collection.main, baselines(collection)
    return {
        **scores(main),
        "report_before": REPORT[0][2]["mcc"],
        "report_after": REPORT[1][2]["mcc"],
        "baselines": found,
        "strongest": max(found, key=lambda entry: entry[2].mcc) if found else None,
        "others": [{"name": name_of(group), **scores(group)} for group in collection.groups if group is not main],
    }


def scores(group):
    """The MCC of a group's networks over all pixels: ``before``, ``after``, ``honest`` and ``cleaned``.

    ``judged`` is the one to compare with others: ``honest`` if there is any, else ``after``.
    """
    honest = group.results("honest")
    cleaned = [one.methods["cleaned"].mcc for one in honest if "cleaned" in one.methods]
    plain = {name: [one.record.mcc for one in group.results(name)] for name in ("before", "after", "honest")}
    judged = plain["honest"] or plain["after"]
    return {name: number(values) for name, values in {**plain, "cleaned": cleaned, "judged": judged}.items()}


def verdict(ours, theirs):
    """Compare two MCCs in words.

    Parameters
    ----------
    ours : cellseg.report.tables.Number
    theirs : float

    Returns
    -------
    str
        "about as well as" if they differ by less than 0.005 or than the standard deviation of ours, else "better than"
        or "worse than".
    """
    if abs(ours.mean - theirs) < max(_ALIKE, ours.sd or 0):
        return "about as well as"
    return "better than" if ours.mean > theirs else "worse than"


def _areas(objects, mask):
    """Area of each object, and how many of its pixels are in a mask; an array of shape (N, 2)."""
    number_of = int(objects.max())
    area = np.bincount(objects.ravel(), minlength=number_of + 1)
    inside = np.bincount(objects[mask], minlength=number_of + 1)
    return np.stack([area, inside], axis=1)[1:]


def _median(values):
    return float(np.median(values)) if len(values) else None


def _share(cells):
    return float(cells[:, 1].sum() / cells[:, 0].sum()) if len(cells) else None
