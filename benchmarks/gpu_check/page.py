"""The page of a check: what passed, and what was found."""

from pathlib import Path

from jinja2 import Environment

_SIGNS = {"passed": "✓", "failed": "✗", "out of time": "✗", "left out": "–"}


def page(record):
    """Draw it.

    Parameters
    ----------
    record : dict
        The content of ``gpu_check.json``.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    )
    return template.render(record=record, rows=_rows, signs=_SIGNS)


def _rows(found, before=""):
    """What a step found as pairs of a name and a text; what lies in a dict has its name before it."""
    for name, value in found.items():
        title = f"{before}{name.replace('_', ' ')}"
        if isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values()):
            yield from _rows(value, f"{title}: ")
        elif isinstance(value, dict):
            yield title, ", ".join(f"{key.replace('_', ' ')} {_text(inner)}" for key, inner in value.items())
        else:
            yield title, _text(value)


def _text(value):
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return f"{value:.4g}" if isinstance(value, float) else "none" if value is None else str(value)
