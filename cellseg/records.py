"""Records: dataclasses that are kept as JSON files, checked when they are read and when they are written.

A record is a dataclass with a field ``version: int``. The version rises when a field changes its name or its meaning;
a new field with a default needs no new version. Files from before versions have none: `read_record` hands their
content to the record's own static method ``from_old``, which gives it today's form.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import msgspec

from cellseg.errors import CellsegError
from cellseg.files import write_text

Kind = TypeVar("Kind")

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
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise CellsegError(f"{path}: larger than {_LARGEST >> 20} MB, which is no record; {advice}")
        content = path.read_bytes()
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror}); {advice}") from error
    try:
        values = msgspec.json.decode(content, type=dict)
        version = values.get("version")
        if isinstance(version, int) and version > kind.version:  # type: ignore[attr-defined]
            raise CellsegError(f"{path}: written by a newer cellseg (version {version} of this record); update cellseg")
        if version is None:
            values = kind.from_old(values)  # type: ignore[attr-defined]
        return msgspec.convert(values, kind)
    except CellsegError:
        raise
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise CellsegError(f"{path}: {_in_words(error)}; {advice}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CellsegError(f"{path}: not the record that it should be ({error!r}); {advice}") from error


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
