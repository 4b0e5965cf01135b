"""Tables of indicators, in Markdown that is easy to read on a terminal, and the rows of the report's Table 1."""

from cellseg.evaluation.indicators import INDICATORS, NAMES, TITLES

_BEFORE, _AFTER = ({one.name: (one.report or (None, None))[column] for one in INDICATORS} for column in (0, 1))
#: Rows of the report's own values, for `format_table`.
REPORT = (("report, before fine-tuning", 0.25, _BEFORE, 2), ("report, after fine-tuning", 0.67, _AFTER, 2))
#: Titles of the scores of whole cells (`cellseg.evaluation.objects.ObjectScores`); those of numbers have two decimals.
OBJECTS = {
    "f1": "F1 at 0.5",
    "f1_75": "at 0.75",
    "f1_90": "at 0.9",
    "mean_f1": "mean F1",
    "ap": "AP",
    "count_error": "count error",
    "count_bias": "bias",
}
COUNTS = ("count_error", "count_bias")
_METHODS = {
    "network": "network",
    "cleaned": "+ post-processing",
    "otsu": "Otsu's threshold",
    "global": "global threshold",
    "local": "local threshold",
}


def format_table(rows):
    """Lay out rows of indicators.

    Parameters
    ----------
    rows : sequence of (str, float or None, dict) or (str, float or None, dict, int)
        Name, threshold, indicators and, if not 3, the number of decimals; None is shown as a dash.

    Returns
    -------
    str
    """
    cells = [("", "threshold", *TITLES)]
    for name, threshold, values, *digits in rows:
        numbers = [_number(values[key], *(digits or [3])) for key in NAMES]
        cells.append((name, _number(threshold, 2), *numbers))
    return _lay_out(cells)


def format_methods(methods):
    """Lay out the scores of each method's pixels, in at most 110 characters a line.

    Parameters
    ----------
    methods : dict of str to cellseg.evaluation.record.MethodScores
        As ``evaluation.json`` has it under ``methods``.

    Returns
    -------
    str
    """
    cells = [("", *TITLES, "median MCC")]
    for name, scores in _named(methods):
        numbers = (*scores.indicators.values(), scores.median_mcc)
        cells.append((name, *(_number(value, 3) for value in numbers)))
    return _lay_out(cells)


def format_cells(methods):
    """Lay out the scores of each method's cells, below a line that says what counts as a cell.

    Parameters
    ----------
    methods : dict of str to cellseg.evaluation.record.MethodScores
        Each with `objects`.

    Returns
    -------
    str
    """
    rows = [(name, scores.objects) for name, scores in _named(methods)]
    cells = [("", *OBJECTS.values())]
    for name, scores in rows:
        values = [getattr(scores, key) for key in OBJECTS]
        cells.append((name, *(_number(value, 2 if key in COUNTS else 3) for key, value in zip(OBJECTS, values))))
    matched = "the numbered cells of the truth"
    if not rows[0][1].numbered:
        matched = "connected components of the true masks, so cells that touch count as one"
    return f"found cells are matched with {matched}\n\n{_lay_out(cells)}"


def _named(methods):
    """Pairs of title and scores: the methods of an evaluation first, others under their own names."""
    order = [*_METHODS, *(key for key in methods if key not in _METHODS)]
    return [(_METHODS.get(key, key), methods[key]) for key in order if key in methods]


def _number(value, places):
    return "-" if value is None else f"{value:.{places}f}"


def _lay_out(cells):
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = [_line(row, widths) for row in cells]
    rule = (
        "|"
        + "|".join("-" * (widths[0] + 2) if n == 0 else "-" * (width + 1) + ":" for n, width in enumerate(widths))
        + "|"
    )
    return "\n".join([lines[0], rule, *lines[1:]])


def _line(row, widths):
    name, *numbers = row
    cells = [name.ljust(widths[0]), *(number.rjust(width) for number, width in zip(numbers, widths[1:]))]
    return "| " + " | ".join(cells) + " |"
