"""Which kind of file one is, by its content; names of files say nothing certain."""

import codecs
import re
from pathlib import Path

from google.protobuf.message import DecodeError

from cellseg.engine import hdf5, schema
from cellseg.engine.caffe_schema import MESSAGES
from cellseg.engine.prototxt import TOKEN
from cellseg.engine.weights import HDF5_MAGIC, content_of, parse
from cellseg.errors import CellsegError

#: What Caffe's files are.
NET, SOLVER, WEIGHTS, STATE, BLOB, HDF5, LIST, LOG = (
    "net", "solver", "weights", "solver state", "binaryproto", "HDF5 file", "HDF5 list", "log",
)  # fmt: skip
_START = 1 << 16  # bytes that are looked at
_BINARY = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_LOG = re.compile(r"^[IWEF]\d{4,8} \d\d:\d\d:\d\d|Iteration \d+", re.MULTILINE)
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def kind_of(path):
    """Find out what a file is.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    str
        One of the names above.

    Raises
    ------
    CellsegError
        If it cannot be read, or is none of them.
    """
    path = Path(path)
    if path.is_dir():
        raise CellsegError(f"{path}: is a folder; give files")
    content = content_of(path)
    start = content[:_START]
    if start.startswith(HDF5_MAGIC):
        return hdf5.read(path, _hdf5_kind)
    if start.startswith(_WIDE):
        return LOG
    if _BINARY.search(start):
        return _binary_kind(path, content)
    text = start.decode("utf-8", "replace")
    if not text.strip():
        raise CellsegError(f"{path}: is empty")
    fields = set(_fields(text))
    found = {name: len(fields & set(MESSAGES[name].DESCRIPTOR.fields_by_name)) for name in _TEXTS}
    best = max(found, key=found.get)
    if found[best]:
        return _TEXTS[best]
    if _LOG.search(text):
        return LOG
    if all(Path(line.strip()).suffix in (".h5", ".hdf5", ".hdf") for line in text.split()):
        return LIST
    raise CellsegError(f"{path}: neither a net, solver, log nor list of HDF5 files, nor one of Caffe's binary files")


_TEXTS = {"NetParameter": NET, "SolverParameter": SOLVER}


def _fields(text):
    """The names of the fields of the outermost message, as far as a text is a prototxt."""
    depth, position, before = 0, 0, None
    while match := TOKEN.match(text, position):
        word, position = match[0], match.end()
        if word.isspace() or word.startswith("#"):
            continue
        if word in "{:" and depth == 0 and before:
            yield before
        depth += (word == "{") - (word == "}")
        before = word if depth == 0 and word[0].isalpha() else None


def _hdf5_kind(file):
    if file.find("history") is not None:
        return STATE
    return WEIGHTS if file.keys("data") else HDF5


def _binary_kind(path, content):
    for name, holds, kind in (
        ("SolverState", lambda read: read.HasField("iter") and read.history, STATE),
        ("NetParameter", lambda read: read.layer or read.layers, WEIGHTS),
        ("BlobProto", lambda read: read.data or read.double_data, BLOB),
    ):
        try:
            if holds(parse(getattr(schema, name), content)):
                return kind
        except DecodeError:
            continue
    raise CellsegError(f"{path}: none of Caffe's binary files, or damaged; give a .caffemodel, .solverstate or such")
