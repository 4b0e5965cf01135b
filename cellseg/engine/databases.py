"""Databases of images as Caffe's tools write them: LMDB and LevelDB, whose values are `Datum` messages."""

import os
import weakref

import numpy as np
from google.protobuf.message import DecodeError

from cellseg.engine.caffe_schema import MESSAGES
from cellseg.engine.pictures import read_picture
from cellseg.errors import CellsegError, install

#: Each database that is open; neither library opens one twice in a process.
_open: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


class Records:
    """A place in a database whose records are passed again and again, in the order of their keys.

    Parameters
    ----------
    source : str
        Its folder.
    backend : {"LMDB", "LEVELDB"}

    Raises
    ------
    CellsegError
        If it cannot be opened, holds nothing, or the package that reads it is missing.
    """

    def __init__(self, source, backend):
        self.source = source
        self._database = _opened(source, backend)
        self._cursor = self._database.cursor()
        if not self._cursor.first():
            raise CellsegError(f"source {source} holds no record")

    def now(self):
        """(bytes, bytes): the key and the value of the record at this place."""
        return self._cursor.item()

    def advance(self):
        """Go to the next record, from the last one to the first."""
        if not self._cursor.next():
            self._cursor.first()

    def key(self):
        """str: the key of the record at this place, as text that JSON can hold."""
        return self.now()[0].hex()

    def go_to(self, key):
        """Go to the record with a key that `key` gave."""
        if not self._cursor.seek(bytes.fromhex(key)):
            raise CellsegError(f"source {self.source}: has changed since the state was saved")


def read_datum(value, name, colour=None):
    """What a record of a database holds.

    Parameters
    ----------
    value : bytes
        A ``Datum``.
    name : str
        What to call it in errors.
    colour : bool or None
        Of an encoded picture; see `cellseg.engine.pictures.read_picture`.

    Returns
    -------
    name : str
    image : ndarray of shape (C, H, W), uint8 or float32
    label : int

    Raises
    ------
    CellsegError
        If it holds no image, or fewer or more numbers than it says.
    """
    datum = MESSAGES["Datum"]()
    try:
        datum.ParseFromString(value)
    except DecodeError as error:
        raise CellsegError(f"{name} is no Datum; make the database with Caffe's convert_imageset") from error
    if datum.encoded:
        return name, read_picture(datum.data, colour, name).transpose(2, 0, 1), datum.label
    numbers = np.frombuffer(datum.data, np.uint8) if datum.data else np.array(datum.float_data, np.float32)
    shape = datum.channels, datum.height, datum.width
    if min(shape) < 1 or numbers.size != np.prod(shape, dtype=object):
        raise CellsegError(f"{name} holds {numbers.size} numbers for an image of {'x'.join(map(str, shape))}")
    return name, numbers.reshape(shape), datum.label


def _opened(source, backend):
    if not source:
        raise CellsegError("source is not given; name the folder of a database")
    if not os.path.isdir(source):
        what = "is a file" if os.path.exists(source) else "is not there"
        raise CellsegError(f"source {source} {what}; name the folder of a database")
    kind = {"LMDB": _Lmdb, "LEVELDB": _LevelDb}[backend]
    if not os.path.isfile(os.path.join(source, kind.FILE)):
        raise CellsegError(f"source {source} is no {backend} (it has no {kind.FILE}); give the folder, or its backend")
    key = os.path.realpath(source), backend
    database = _open.get(key)
    if database is None:
        try:
            database = _open[key] = kind(source)
        except ImportError as error:
            raise CellsegError(f"a database of kind {backend} needs the package {error.name}; {kind.ADVICE}") from error
    return database


class _Lmdb:
    """An LMDB, open for reading. Nothing is locked or written; it must not change meanwhile."""

    FILE = "data.mdb"
    ADVICE = f"run: {install('caffe-data')}"

    def __init__(self, source):
        import lmdb

        try:
            self._environment = lmdb.open(source, readonly=True, lock=False)
            pages = self._environment.info()["last_pgno"] + 1
            whole = pages * self._environment.stat()["psize"]
        except lmdb.Error as error:
            raise CellsegError(f"source {source} cannot be opened ({error}); make the database again") from error
        held = os.path.getsize(os.path.join(source, self.FILE))
        if held < whole:  # reading on would end the process
            raise CellsegError(f"source {source} is cut off: {held} of {whole} bytes; copy or make it again")

    def cursor(self):
        return _LmdbCursor(self)


class _LmdbCursor:
    def __init__(self, database):
        self._database = database  # which stays open as long
        self._cursor = database._environment.begin().cursor()
        self.first, self.next, self.item = self._cursor.first, self._cursor.next, self._cursor.item
        self.seek = self._cursor.set_key


class _LevelDb:
    """A LevelDB. Its library tidies its files up and keeps other programs out while it is open."""

    FILE = "CURRENT"
    ADVICE = "run: pip install plyvel (for Python up to 3.12), or make an LMDB with Caffe's convert_imageset"

    def __init__(self, source):
        import plyvel

        try:
            self._database = plyvel.DB(os.fspath(source))
        except (plyvel.Error, OSError) as error:
            raise CellsegError(f"source {source} cannot be opened ({error}); end what else uses it") from error

    def cursor(self):
        return _LevelDbCursor(self)


class _LevelDbCursor:
    def __init__(self, database):
        self._database = database
        self._iterator, self._item = database._database.iterator(), None

    def first(self):
        self._iterator.seek_to_start()
        return self.next()

    def next(self):
        self._item = next(self._iterator, None)
        return self._item is not None

    def item(self):
        return self._item

    def seek(self, key):
        self._iterator.seek(key)
        return self.next() and self._item[0] == key
