"""Checks of option values. Each returns the value as a plain Python one, or raises `ValueError`.

The error's text goes on from "this option ..."; `groups` puts the option's name in front. msgspec (0.22) does not do
the same: it refuses numbers of numpy and 3.0 for a whole number, and does not name the range.
"""

import math
import numbers


def _is_number(value):
    return isinstance(value, numbers.Real) and type(value).__name__ not in ("bool", "bool_") and math.isfinite(value)


def number(low, high):
    """Check for a finite number from `low` to `high`; returns a float."""

    def check(value):
        if not _is_number(value) or not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return check


def whole(low, high):
    """Check for a whole number from `low` to `high`; returns an int."""

    def check(value):
        if not _is_number(value) or value != int(value) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return check


def optional(check):
    """Check that accepts None, and gives everything else to `check`."""

    def check_unless_none(value):
        return None if value is None else check(value)

    return check_unless_none


def switch(value):
    """Check for true or false, or SIMCEP's 1 or 0; returns a bool."""
    if type(value).__name__ not in ("bool", "bool_") and not (_is_number(value) and value in (0, 1)):
        raise ValueError("must be true (1) or false (0)")
    return bool(value)


def several(names, *checks):
    """Check for a list with one value for each of `checks`; returns a tuple. `names` describe the list."""

    def check(value):
        try:
            values = [] if isinstance(value, (str, dict)) else list(value)
        except TypeError:
            values = []
        if len(values) != len(checks):
            raise ValueError(f"must be a list of {len(checks)} numbers [{names}]")
        checked = []
        for name, one, part in zip(names.split(", "), values, checks, strict=True):
            try:
                checked.append(part(one))
            except ValueError as error:
                raise ValueError(f"[{names}]: the {name} {error}") from error
        return tuple(checked)

    return check


#: Finest octave of a texture that is accepted: its grid holds 2**11 * 2**11 numbers.
LAST_OCTAVE = 11

_four_parts = several(
    "persistence, first octave, number of octaves, bias",
    number(1e-3, 1e3),
    whole(-LAST_OCTAVE, LAST_OCTAVE),
    whole(1, LAST_OCTAVE),
    number(0, 1),
)


def texture(value):
    """Check for a texture: (persistence, first octave, number of octaves, bias)."""
    values = _four_parts(value)
    if max(1, values[1]) + values[2] - 1 > LAST_OCTAVE:
        raise ValueError(f"[first octave + number of octaves - 1] must not be above {LAST_OCTAVE}")
    return values


#: Check for a shape: (alpha relative to the radius, beta in radians).
shape = several("alpha, beta", number(0, 1), number(0, math.pi))
