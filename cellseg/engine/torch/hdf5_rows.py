"""The rows of the HDF5 files that a list names, in the order in which Caffe's HDF5Data layer gives them."""

import base64
import os

import numpy as np
import torch

from cellseg.engine import hdf5
from cellseg.engine.hdf5_file import arrays, shapes, shown, sides
from cellseg.engine.hdf5_list import files_in
from cellseg.engine.torch.context import context
from cellseg.errors import CellsegError

_ON_DEVICE = 2**31  # bytes; files from this size on stay in the host's memory
_PIECE = 2**24  # numbers looked at in one go


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
        self._names, self._folder = files_in(source), os.getcwd()
        self._classes = []
        self.shapes = None
        for name in dict.fromkeys(self._names):
            self._take_shapes(name, self._from_file(name, shapes))
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
            names, files, order = state["names"], list(state["files"]), state["order"]
            file, rows, row, offset = (state[key] for key in ("file", "rows", "row", "offset"))
            if not all(type(number) is int for number in (*files, file, rows, row, offset)):
                raise ValueError("its numbers are not whole")
            if order is not None:
                order = np.frombuffer(base64.b64decode(order, validate=True), dtype="<i4").tolist()
            whole = sorted(files) == list(range(len(names))) and 0 <= file < len(files) and 0 <= row < rows
            mixed = order is not None and (len(order) != rows or sorted(order) != list(range(len(order))))
            if not whole or offset < 0 or mixed:
                raise ValueError("its numbers do not fit together")
        except (KeyError, TypeError, ValueError) as error:
            raise CellsegError(f"{shown(self._source)}: not a state of these rows ({_reason(error)})") from error
        if names != self._names:
            raise CellsegError(f"{shown(self._source)}: names other files than when the state was saved")
        if bool(self._shuffle) != (order is not None):
            raise CellsegError(f"{shown(self._source)}: was {'not ' * self._shuffle}shuffled when the state was saved")
        loaded = self._name
        self._files, self._file, self._row, self._offset = files, file, row, offset
        if self._name != loaded:
            self._load()
        if rows != self._rows:
            raise CellsegError(f"{shown(self._name)}: has {self._rows} rows, had {rows} when the state was saved")
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
        found = self._from_file(self._name, arrays, "f4")
        self._take_shapes(self._name, [array.shape for array in found])
        for top, array in zip(self._tops, found):
            if not (np.isfinite(array.min()) and np.isfinite(array.max())):
                raise CellsegError(f"{shown(self._name)}: dataset '{top}' holds NaN or infinite numbers; make it again")
        self._rows = len(found[0])
        device = context.device if sum(array.nbytes for array in found) < _ON_DEVICE else "cpu"
        tensors = [torch.from_numpy(array).to(device) for array in found]
        for required in self._classes:
            self._check_classes(tensors, *required)
        self._tensors = tensors

    def _check_classes(self, tensors, top, classes, ignore):
        for part in tensors[self._tops.index(top)].reshape(-1).split(_PIECE):
            labels = part.trunc()
            wrong = (labels < 0) | (labels >= classes)
            if ignore is not None:
                wrong &= labels != ignore
            if wrong.any():
                known = f"0 to {classes - 1}{'' if ignore is None else f', and {ignore} to ignore'}"
                raise CellsegError(
                    f"{shown(self._name)}: dataset '{top}' holds the label {part[wrong][0].item():g}, but the net "
                    f"has classes {known}; make it again"
                )

    def _take_shapes(self, name, found):
        """Note the shapes of the first file's rows, and refuse a file whose rows have others."""
        rows = [tuple(shape[1:]) for shape in found]
        self.shapes = self.shapes or rows
        for top, shape, first in zip(self._tops, rows, self.shapes):
            if shape != first:
                raise CellsegError(
                    f"{shown(name)}: the rows of dataset '{top}' are {sides(shape)}, but those of the first file "
                    f"that {shown(self._source)} names are {sides(first)}; make them alike"
                )

    def _from_file(self, name, function, *more):
        """What a function reads from a file of the list."""
        path = os.path.join(self._folder, name)
        if not os.path.isfile(path):
            raise CellsegError(f"{shown(self._source)}: names {shown(name)}, which is no file in {self._folder}")
        return hdf5.read(path, function, self._tops, *more, name=name)


def _reason(error):
    """What an error of another library says, in one line."""
    if isinstance(error, OSError) and error.strerror and not error.strerror.count("\n"):
        return error.strerror
    return shown(error or type(error).__name__)
