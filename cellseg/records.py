"""Records: dataclasses that are kept as JSON files, checked when they are read and when they are written.

A record is a dataclass with a field ``version: int``. The version rises when a field changes its name or its meaning;
a new field with a default needs no new version. Files from before versions have none: `read_record` hands their
content to the record's own static method ``from_old``, which gives it today's form.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from cellseg.errors import CellsegError
from cellseg.files import write_text

Kind = TypeVar("Kind")

#: A number of things, and a part of a whole or a probability.
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

_DEPTH = 40
_LARGEST = 256 << 20  # bytes; the largest real record, an evaluation of 100 000 images, has a tenth of that


def read_record(path: str | Path, kind: type[Kind], advice: str = "make it again") -> Kind:
    """Read a record.

    Keys that the dataclass does not have are passed over.

    Parameters
    ----------
    path : str or path
    kind : type
        The record's dataclass.
    advice : str
        What to do about a damaged file, for the message.

    Returns
    -------
    kind

    Raises
    ------
    CellsegError
        If the file is missing, no JSON, or larger than 256 MB; if a field is missing, of another type, out of range or
        not finite; or if a newer cellseg wrote it. The message names the file and the field.
    """
    values = read_object(path, advice)
    try:
        version = values.get("version")
        if isinstance(version, int) and version > kind.version:  # type: ignore[attr-defined]
            raise CellsegError(f"{path}: written by a newer cellseg (version {version} of this record); update cellseg")
        if version is None:
            values = kind.from_old(values)  # type: ignore[attr-defined]
        return msgspec.convert(values, kind)
    except CellsegError:
        raise
    except msgspec.MsgspecError as error:
        raise CellsegError(f"{path}: {_in_words(error)}; {advice}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CellsegError(f"{path}: not the record that it should be ({error!r}); {advice}") from error


def read_object(path: str | Path, advice: str = "make it again") -> dict:
    """Read a JSON file that holds an object.

    Raises
    ------
    CellsegError
        If the file is missing, larger than 256 MB, no JSON, nested more than 40 deep, or no object.
    """
    path = Path(path)
    try:
        if not path.is_file():
            why = "not a file" if path.exists() else "no such file"
            raise CellsegError(f"{path}: cannot be read ({why}); {advice}")
        if path.stat().st_size > _LARGEST:
            raise CellsegError(f"{path}: larger than {_LARGEST >> 20} MB, which is no record; {advice}")
        values = msgspec.json.decode(path.read_bytes(), type=dict)
        _check(values, 1)
        return values
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror}); {advice}") from error
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise CellsegError(f"{path}: {_in_words(error)}; {advice}") from error


def _check(value, depth):
    """Refuse what is nested too deeply and whole numbers that are no quantity of anything."""
    if isinstance(value, dict | list):
        if depth > _DEPTH:
            raise RecursionError
        for one in value.values() if isinstance(value, dict) else value:
            _check(one, depth + 1)
    elif isinstance(value, int) and abs(value) >= 2**64:
        raise msgspec.ValidationError("a whole number of more than 64 bits")


def write_record(path: str | Path, record: object) -> None:
    """Write a record as indented JSON, whole or not at all.

    Parameters
    ----------
    path : str or path
    record : object
        A dataclass with a field ``version``.

    Raises
    ------
    CellsegError
        If the file cannot be written.
    ValueError
        If the record holds what could not be read again: NaN, an infinite number, a value of another type.
    """
    text = json.dumps(asdict(record), indent=2, allow_nan=False)  # type: ignore[call-overload]
    msgspec.json.decode(text, type=type(record))
    write_text(path, text + "\n")


def _in_words(error):
    """What msgspec says, with the field first: "schedule.epochs: expected int, got str"."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    message, _, place = str(error).replace("`", "").partition(" - at $")
    message = message[:1].lower() + message[1:] if not message.startswith("JSON") else message
    return f"{place.lstrip('.')}: {message}" if place else message
