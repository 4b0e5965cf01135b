"""An HDF5 file of which nothing is taken on trust. Runs on Python 3.9, too, beside real Caffe."""

import math

import h5py
import numpy as np

from cellseg import memory
from cellseg.errors import CellsegError, printable

#: Compression makes data at most about 1000 times smaller; more is declared by damaged files alone. Small files may
#: declare `SMALL` bytes more.
COMPRESSION, SMALL = 1100, 2**26

_INT_MAX = 2**31 - 1
_CHECKSUM = 4  # bytes of it at the end of a piece of a dataset
_LONGEST_TEXT = 1 << 16  # bytes
_LINKS = 8  # how many links one name may lead through


class Hdf5File:
    """What a function that reads an HDF5 file gets; see `cellseg.engine.hdf5.read`.

    Parameters
    ----------
    file : h5py.File
    name : str
        How messages call it; kept as attribute.
    size : int
        Bytes of the file.
    most : int
        Bytes that may be read from it.
    advice : str
        What to do about a damaged file.
    """

    def __init__(self, file, name, size, most, advice):
        self._file, self.name, self._size, self._advice = file, name, size, advice
        self._left, self._most = COMPRESSION * size + SMALL, most

    def find(self, path):
        """The group or dataset of this path in the file; None if there is none.

        Raises
        ------
        CellsegError
            If it lies in another file.
        """
        found, parts, links = self._file["/"], _parts(path), 0
        while parts:
            part = parts.pop(0)
            link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
            if link is None:
                return None
            if isinstance(link, h5py.ExternalLink):
                raise CellsegError(
                    f"{self.name}: '{shown(path)}' is a link to the file {shown(link.filename)}, which is "
                    f"not followed; give that file"
                )
            if isinstance(link, h5py.SoftLink):
                links += 1
                if links > _LINKS:
                    return None
                found = self._file["/"] if link.path.startswith("/") else found
                parts = _parts(link.path) + parts
            else:
                found = found[part]
        return found

    def keys(self, path="/"):
        """list of str: the names in a group; none if there is no such group."""
        group = self.find(path)
        return list(group) if isinstance(group, h5py.Group) else []

    def dataset(self, path):
        """The dataset of this path, looked at closely.

        Raises
        ------
        CellsegError
            If it is not there, holds no numbers, is larger than the file or the memory, or lies elsewhere.
        """
        found = self.find(path)
        if not isinstance(found, h5py.Dataset):
            held = ", ".join(map(shown, self.keys()[:9])) or "nothing"
            raise CellsegError(f"{self.name}: has no dataset '{shown(path)}'; it holds {held}; {self._advice}")
        where = f"{self.name}: dataset '{shown(path)}'"
        if found.id.get_type().get_class() not in (h5py.h5t.FLOAT, h5py.h5t.INTEGER):
            raise CellsegError(f"{where} holds {shown(found.dtype)}; only real and whole numbers can be read")
        if found.is_virtual or found.external:
            raise CellsegError(f"{where} lies in other files; give a file that holds its numbers itself")
        if found.shape is None:
            raise CellsegError(f"{where} has no rows; it is an empty scalar; {self._advice}")
        shape = sides(found.shape)
        if math.prod(found.shape) > _INT_MAX:
            raise CellsegError(f"{where} holds {shape} numbers, more than 2147483647; split it into several files")
        size = max(map(math.prod, (found.shape, found.chunks or ()))) * found.dtype.itemsize
        if size > self._left:
            raise CellsegError(f"{where} declares {shape} numbers, for which the file is too small")
        if size > self._most:
            has = f"{memory.shown(size)}, and {memory.shown(self._most)} may be used"
            raise CellsegError(f"{where} holds {shape} numbers ({has}); split it into several files")
        self._check_pieces(found, where)
        return found

    def array(self, path, kind=None):
        """Read a dataset.

        Parameters
        ----------
        path : str
        kind : numpy type, optional
            That the numbers are to have; by default their own.

        Returns
        -------
        ndarray
        """
        found = self.dataset(path)
        self._left -= math.prod(found.shape) * found.dtype.itemsize
        if not found.shape:
            return np.array(found[()], kind or found.dtype)
        array = np.empty(found.shape, kind or found.dtype)
        if array.size:
            found.read_direct(array)
        return array

    def text(self, path, attribute=None):
        """A text: of an attribute of a group, or of a dataset; None if it is not there, or no text."""
        found = self.find(path)
        if attribute is not None:
            if found is None or attribute not in found.attrs:
                return None
            held = found.attrs.get_id(attribute)
        else:
            held = found if isinstance(found, h5py.Dataset) and not (found.is_virtual or found.external) else None
        if held is None or h5py.check_string_dtype(held.dtype) is None or math.prod(held.shape or ()) != 1:
            return None
        if held.dtype.itemsize > _LONGEST_TEXT:
            return None
        value = np.ravel(found[()] if attribute is None else found.attrs[attribute])[0]
        value = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
        return value if len(value) <= _LONGEST_TEXT else None

    def _check_pieces(self, found, where):
        """Refuse pieces that do not fit in the file: the library itself would crash."""
        if found.chunks and hasattr(found.id, "chunk_iter"):
            sizes = []
            found.id.chunk_iter(lambda piece: sizes.append(piece.size))
            least = _CHECKSUM if found.fletcher32 else 0
            if sizes and not least < min(sizes) <= max(sizes) <= self._size:
                raise CellsegError(f"{where} is damaged; make the file again")


def shapes(file, names):
    """The shapes of some datasets, whose first axis is rows: they must have as many one as another.

    Returns
    -------
    list of tuple of int
    """
    found = [tuple(file.dataset(name).shape) for name in names]
    for name, shape in zip(names, found):
        if not math.prod(shape or (0,)):
            where = f"{file.name}: dataset '{name}' has no rows, or rows of nothing"
            raise CellsegError(f"{where}; its shape is {sides(shape)}; make it again")
    for name, shape in zip(names, found):
        if shape[0] != found[0][0]:
            raise CellsegError(
                f"{file.name}: dataset '{name}' has {shape[0]} rows, but '{names[0]}' has {found[0][0]}; make it again"
            )
    return found


def arrays(file, names, kind=None):
    """The datasets themselves, as `Hdf5File.array` reads them."""
    shapes(file, names)
    return [file.array(name, kind) for name in names]


def optional(file, name):
    """One dataset as an array; None if it is not there."""
    return None if file.find(name) is None else file.array(name)


def shown(name):
    """A name, or what another library says, as it can stand in a message."""
    return printable(name, 200)


def sides(shape):
    """A shape as it stands in messages: "3x4"."""
    return "x".join(map(str, shape)) or "scalar"


def _parts(path):
    return [part for part in path.split("/") if part not in ("", ".")]
