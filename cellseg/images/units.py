"""Units of length, as microscopes' programs write them, in micrometres."""

import math

_MICROMETRES = {
    **dict.fromkeys(("µm", "um", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometers", "nanometre", "nanometres"), 1e-3),
    **dict.fromkeys(("pm", "picometer", "picometre"), 1e-6),
    **dict.fromkeys(("å", "angstrom", "angstroms"), 1e-4),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 1e3),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 1e4),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1e6),
    **dict.fromkeys(("inch", "inches", "in", '"'), 25400.0),
}
_NONE = ("", "pixel", "pixels", "px", "none", "null", "reference frame")
_MICRO_SIGN, _GREEK_MU, _ESCAPED = "µ", "μ", "\\u00b5"


def micrometres(unit: str | None) -> float | None:
    """How many micrometres a unit is; None if it is not known."""
    text = str(unit or "").strip().lower().replace(_ESCAPED, _MICRO_SIGN).replace(_GREEK_MU, _MICRO_SIGN)
    return _MICROMETRES.get(text)


def pixel_size(height, width, height_unit, width_unit) -> tuple[tuple[float, float] | None, list[str]]:
    """The size of a pixel in micrometres, with warnings about what is not understood.

    Parameters
    ----------
    height, width : float, str or None
        What the file says; None where it says nothing.
    height_unit, width_unit : str or None
        A unit such as "um"; "pixel" and nothing mean that there is no size, and are no mistake.

    Returns
    -------
    size : tuple of float, or None
        Height and width.
    warnings : list of str
    """
    said = [(value, unit) for value, unit in ((height, height_unit), (width, width_unit)) if value is not None]
    said = [(value, unit) for value, unit in said if str(unit or "").strip().lower() not in _NONE]
    if not said:
        return None, []
    sizes = [float(f"{_number(value) * (micrometres(unit) or math.nan):.12g}") for value, unit in said]
    if len(sizes) == 2 and all(math.isfinite(size) and size > 0 for size in sizes):
        return (sizes[0], sizes[1]), []
    shown = " and ".join(
        f"{value:.6g} {unit}" if isinstance(value, float) else f"{value} {unit}" for value, unit in said
    )
    return None, [f"its pixel size is not understood ({shown}), so sizes are in pixels only"]


def _number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
