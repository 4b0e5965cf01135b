"""The rows of the HDF5 files that a list names, in the order in which Caffe's HDF5Data layer gives them."""

import base64
import math
import os
from contextlib import contextmanager

import h5py
import numpy as np
import torch

from cellseg.engine.torch.context import context
from cellseg.errors import CellsegError

_INT_MAX = 2**31 - 1
_ON_DEVICE = 2**31  # bytes; files from this size on stay in the host's memory
_PIECE = 2**24  # numbers looked at in one go
# Compression makes data at most about 1000 times smaller; more is declared by damaged files alone.
_COMPRESSION, _SMALL = 1100, 2**26
_CHECKSUM = 4  # bytes of it at the end of a piece of a dataset


def read_list(source):
    """The files that a list names, split at white space.

    Parameters
    ----------
    source : str

    Returns
    -------
    list of str

    Raises
    ------
    CellsegError
        If the list is not there, is empty, or is no list.
    """
    if not source:
        raise CellsegError("hdf5_data_param gives no source; name a text file that lists HDF5 files")
    try:
        with open(source, "rb") as file:
            content = file.read()
    except (OSError, ValueError) as error:
        raise CellsegError(f"{_shown(source)}: the list of HDF5 files cannot be read ({_reason(error)})") from error
    if content.startswith(b"\x89HDF"):
        raise CellsegError(f"{_shown(source)}: an HDF5 file; source must name a text file that lists HDF5 files")
    names = [os.fsdecode(name) for name in content.split()]
    if not names:
        raise CellsegError(f"{_shown(source)}: names no HDF5 file; write one name a line")
    return names


class HDF5Rows:
    """A cursor over the rows of several HDF5 files; one file is held at a time.

    Rows run on from file to file and from the end to the beginning. Shuffled, the order of the files changes with
    each pass, and the order of the rows in a file with each time that it is loaded and again when it is begun.

    Parameters
    ----------
    source : str
        List of files, found from the working folder.
    tops : list of str
        The datasets to read; their first axis is rows.
    shuffle : bool
    rand : CRand
        Orders what is shuffled.

    Attributes
    ----------
    shapes : list of tuple of int
        The shape of one row of each dataset.

    Raises
    ------
    CellsegError
        If the list or a file is missing or unreadable, or datasets are missing or do not suit each other.
    """

    def __init__(self, source, tops, shuffle, rand):
        self._source, self._tops, self._shuffle, self._rand = source, list(tops), shuffle, rand
        self._names, self._folder = read_list(source), os.getcwd()
        self._classes = []
        self.shapes = None
        for name in dict.fromkeys(self._names):
            with self._datasets(name) as datasets:
                self._take_shapes(name, datasets)
        self._files = list(range(len(self._names)))
        if shuffle:
            rand.shuffle(self._files)
        self._file = self._row = self._offset = 0
        self._begin_file()

    def take(self, count, rank=0, world_size=1):
        """The next `count` rows, of which there are as many as one asks for.

        Parameters
        ----------
        count : int
        rank, world_size : int
            Take only every `world_size`-th row, beginning with the `rank`-th.

        Returns
        -------
        list of torch.Tensor
            One a dataset, on the device of the context.
        """
        if self._tensors is None:  # the file could not be read when it was due
            self._begin_file()
        parts = []
        while count:
            first = self._row + (rank - self._offset) % world_size
            chosen = self._order[first::world_size][:count]
            if len(chosen):
                parts.append([tensor.index_select(0, chosen) for tensor in self._tensors])
            count -= len(chosen)
            self._advance((self._rows if count else first + (len(chosen) - 1) * world_size + 1) - self._row)
        batch = parts[0] if len(parts) == 1 else [torch.cat(part) for part in zip(*parts)]
        return [tensor.to(context.device) for tensor in batch]

    def require_classes(self, top, classes, ignore=None):
        """Refuse a file, the one that is loaded and each that will be, whose labels are none of the classes.

        Parameters
        ----------
        top : str
        classes : int
            Labels are cut down to whole numbers, as Caffe does; they must then lie from 0 to below `classes`.
        ignore : int, optional
            One more label that may occur.
        """
        self._classes.append((top, classes, ignore))
        self._check_classes(self._tensors, *self._classes[-1])

    def state(self):
        """dict: where the cursor is and which rows come next, in values that JSON can hold."""
        order = base64.b64encode(np.array(self._shuffled, dtype="<i4").tobytes()).decode() if self._shuffle else None
        return {
            "names": self._names,
            "files": self._files,
            "file": self._file,
            "rows": self._rows,
            "order": order,
            "row": self._row,
            "offset": self._offset,
        }

    def set_state(self, state):
        """Go on from where `state` was taken; draws no random number.

        Raises
        ------
        CellsegError
            If it is no such state, or the list or the file it stands in has changed since.
        """
        try:
            names, files, file = state["names"], [int(i) for i in state["files"]], int(state["file"])
            rows, row, offset, order = int(state["rows"]), int(state["row"]), int(state["offset"]), state["order"]
            if order is not None:
                order = np.frombuffer(base64.b64decode(order, validate=True), dtype="<i4").tolist()
            whole = sorted(files) == list(range(len(names))) and 0 <= file < len(files) and 0 <= row < rows
            if not whole or offset < 0 or order is not None and sorted(order) != list(range(rows)):
                raise ValueError("its numbers do not fit together")
        except (KeyError, TypeError, ValueError) as error:
            raise CellsegError(f"{_shown(self._source)}: not a state of these rows ({_reason(error)})") from error
        if names != self._names:
            raise CellsegError(f"{_shown(self._source)}: names other files than when the state was saved")
        if bool(self._shuffle) != (order is not None):
            raise CellsegError(f"{_shown(self._source)}: was {'not ' * self._shuffle}shuffled when the state was saved")
        loaded = self._name
        self._files, self._file, self._row, self._offset = files, file, row, offset
        if self._name != loaded:
            self._load()
        if rows != self._rows:
            raise CellsegError(f"{_shown(self._name)}: has {self._rows} rows, had {rows} when the state was saved")
        self._set_order(order or range(rows))

    @property
    def _name(self):
        return self._names[self._files[self._file]]

    def _advance(self, rows):
        """Go some rows on, at most to the end of the file; from there to the next file, or to the beginning."""
        self._row += rows
        self._offset += rows
        if self._row < self._rows:
            return
        self._row = 0
        if len(self._files) > 1:
            self._file += 1
            if self._file == len(self._files):
                self._file = 0
                if self._shuffle:
                    self._rand.shuffle(self._files)
            self._begin_file()
        if self._shuffle:
            self._rand.shuffle(self._shuffled)
            self._set_order(self._shuffled)

    def _begin_file(self):
        self._load()
        order = list(range(self._rows))
        if self._shuffle:
            self._rand.shuffle(order)
        self._set_order(order)

    def _set_order(self, order):
        self._shuffled = list(order)
        self._order = torch.tensor(self._shuffled, device=self._tensors[0].device)

    def _load(self):
        """Read the file at the cursor."""
        self._tensors = None  # before the next is read, so that two never share the memory
        with self._datasets(self._name) as datasets:
            self._take_shapes(self._name, datasets)
            arrays = [self._read(dataset) for dataset in datasets]
        for top, array in zip(self._tops, arrays):
            if not (np.isfinite(array.min()) and np.isfinite(array.max())):
                raise CellsegError(
                    f"{_shown(self._name)}: dataset '{top}' holds NaN or infinite numbers; make it again"
                )
        self._rows = len(arrays[0])
        device = context.device if sum(array.nbytes for array in arrays) < _ON_DEVICE else "cpu"
        tensors = [torch.from_numpy(array).to(device) for array in arrays]
        for required in self._classes:
            self._check_classes(tensors, *required)
        self._tensors = tensors

    @staticmethod
    def _read(dataset):
        array = np.empty(dataset.shape, dtype=np.float32)
        dataset.read_direct(array)
        return array

    def _check_classes(self, tensors, top, classes, ignore):
        for part in tensors[self._tops.index(top)].reshape(-1).split(_PIECE):
            labels = part.trunc()
            wrong = (labels < 0) | (labels >= classes)
            if ignore is not None:
                wrong &= labels != ignore
            if wrong.any():
                raise CellsegError(
                    f"{_shown(self._name)}: dataset '{top}' holds the label {part[wrong][0].item():g}, but the net has "
                    f"classes 0 to {classes - 1}{'' if ignore is None else f', and {ignore} to ignore'}; make it again"
                )

    def _take_shapes(self, name, datasets):
        """Note the shapes of the first file's rows, and refuse a file whose rows have others."""
        shapes = [tuple(dataset.shape[1:]) for dataset in datasets]
        self.shapes = self.shapes or shapes
        for top, shape, first in zip(self._tops, shapes, self.shapes):
            if shape != first:
                raise CellsegError(
                    f"{_shown(name)}: the rows of dataset '{top}' are {_sides(shape)}, but those of the first file "
                    f"that {_shown(self._source)} names are {_sides(first)}; make them alike"
                )

    @contextmanager
    def _datasets(self, name):
        """The datasets of a file that is open meanwhile. Whatever goes wrong in reading is the file's fault."""
        path = os.path.join(self._folder, name)
        if not os.path.isfile(path):
            raise CellsegError(f"{_shown(self._source)}: names {_shown(name)}, which is no file in {self._folder}")
        try:
            with h5py.File(path, "r") as file:
                datasets = [self._dataset(file, name, top, os.path.getsize(path)) for top in self._tops]
                self._check_rows(name, datasets)
                yield datasets
        except CellsegError:
            raise
        except Exception as error:  # h5py raises errors of many types on damaged files
            raise CellsegError(
                f"{_shown(name)}: not an HDF5 file, or damaged ({_reason(error)}); make it again"
            ) from error

    def _dataset(self, file, name, top, size):
        found = file.get(top)
        if not isinstance(found, h5py.Dataset):
            held = ", ".join(_shown(key) for key in list(file)[:9]) or "nothing"
            raise CellsegError(
                f"{_shown(name)}: has no dataset '{top}', which the layer's top asks for; it holds {held}"
            )
        where = f"{_shown(name)}: dataset '{top}'"
        if found.id.get_type().get_class() not in (h5py.h5t.FLOAT, h5py.h5t.INTEGER):
            raise CellsegError(f"{where} holds {_shown(str(found.dtype))}; only real and whole numbers can be read")
        if not found.shape or not math.prod(found.shape):
            raise CellsegError(f"{where} has no rows, or rows of nothing; its shape is {_sides(found.shape or ())}")
        if math.prod(found.shape) > _INT_MAX:
            raise CellsegError(
                f"{where} holds {_sides(found.shape)} numbers, more than 2147483647; split the rows over several files"
            )
        declared = [found.shape, found.chunks or ()]
        elsewhere = found.is_virtual or found.external
        if not elsewhere and max(map(math.prod, declared)) * found.dtype.itemsize > _COMPRESSION * size + _SMALL:
            raise CellsegError(f"{where} declares {_sides(found.shape)} numbers, for which the file is too small")
        if found.chunks and hasattr(found.id, "chunk_iter"):
            sizes = []
            found.id.chunk_iter(lambda piece: sizes.append(piece.size))
            least = _CHECKSUM if found.fletcher32 else 0
            if sizes and not least < min(sizes) <= max(sizes) <= size:  # the library itself would crash
                raise CellsegError(f"{where} is damaged; make the file again")
        return found

    def _check_rows(self, name, datasets):
        first = datasets[0].shape[0]
        for top, dataset in zip(self._tops, datasets):
            if dataset.shape[0] != first:
                raise CellsegError(
                    f"{_shown(name)}: dataset '{top}' has {dataset.shape[0]} rows, but '{self._tops[0]}' has {first}"
                )


def _sides(shape):
    return "x".join(map(str, shape)) or "scalar"


def _shown(name):
    """A name as it can stand in a message of one line."""
    name = str(name)
    name = name if name.isprintable() else ascii(name)
    return name if len(name) <= 200 else f"{name[:100]}...{name[-90:]}"


def _reason(error):
    """What an error of another library says, in one line."""
    if isinstance(error, OSError) and error.strerror and not error.strerror.count("\n"):
        return error.strerror
    said = str(error).strip().splitlines()
    return _shown(said[0] if said else type(error).__name__)
