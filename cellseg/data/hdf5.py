"""HDF5 shards and the list files that Caffe's HDF5Data layer reads.

A list file names one HDF5 file in each line. Caffe splits it at white space, so a path in it cannot hold a space, and
opens the names relative to the folder in which it was started. So data are made and used from one working folder, under
relative names. That folder may lie anywhere.
"""

from pathlib import Path

import numpy as np

from cellseg.data.targets import distance_map
from cellseg.engine import hdf5
from cellseg.engine.hdf5_file import arrays, optional
from cellseg.errors import CellsegError
from cellseg.files import write_text
from cellseg.network import DISTANCE

ROWS = 4096


def list_entry(path):
    """The name of `path` in a list file: relative to the working folder if the path lies below that.

    Raises
    ------
    CellsegError
        If the name holds white space.
    """
    path = Path(path).resolve()
    here = Path.cwd()
    name = str(path.relative_to(here)) if here in path.parents else str(path)
    if name.split() != [name]:
        raise CellsegError(f"{name}: Caffe cannot read list files with spaces in a path; choose another folder")
    return name


def write_split(folder, final_folder, split, data, labels, targets=("label",), rows=ROWS):
    """Write one split as shards and a list file.

    Parameters
    ----------
    folder, final_folder : path
        Where to write now, and where the folder will be when it is used.
    split : str
        "train" or "test": gives ``<split>.txt`` and ``<split>_0.h5``, ``<split>_1.h5``...
    data : ndarray of shape (N, H, W)
        Written as dataset ``data``, float32 of shape (N, 1, H, W).
    labels : ndarray of shape (N, H, W), int
        Numbers of cells, 0 is background. Written as dataset ``labels``, int32 of shape (N, 1, H, W), which Caffe does
        not read.
    targets : sequence of str
        What is to be learnt, made from the labels, each a dataset of float32 and shape (N, 1, H, W): ``label`` (0
        background, 1 cell) and ``distance_target`` (`cellseg.data.targets.distance_map`).
    rows : int
        Largest number of patches in a shard. Caffe holds one shard in memory, and shuffles within it.

    Returns
    -------
    list of str
        File names of the shards.
    """
    names = []
    for number, start in enumerate(range(0, len(data), rows)):
        names.append(f"{split}_{number}.h5")
        with hdf5.writing(Path(folder) / names[-1]) as file:
            part = labels[start : start + rows]
            planes = {"data": data[start : start + rows], **{name: _TARGETS[name](part) for name in targets}}
            for name, stack in planes.items():
                stack = np.ascontiguousarray(stack[:, None], dtype=np.float32)
                file.create_dataset(name, data=stack, track_times=False)  # so the same data give the same bytes
            part = np.asarray(part[:, None], np.int32)
            file.create_dataset("labels", data=part, track_times=False, compression="gzip", shuffle=True)
    entries = [list_entry(Path(final_folder) / name) for name in names]
    write_text(Path(folder) / f"{split}.txt", "\n".join(entries) + "\n")
    return names


def _distances(labels):
    return np.stack([distance_map(one) for one in labels])


_TARGETS = {"label": lambda labels: labels > 0, DISTANCE: _distances}


def read_list(path):
    """Read all shards of a list file.

    Parameters
    ----------
    path : str or path
        List file. Its entries are looked up from the working folder, as Caffe does.

    Returns
    -------
    data, label : ndarray of shape (N, H, W), float32 and uint8

    Raises
    ------
    CellsegError
        If the list or a shard is missing, truncated, without ``data`` and ``label`` of shape (N, 1, H, W), holds NaN
        or infinite values or labels other than 0 and 1.
    """
    path = Path(path)
    try:
        entries = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise CellsegError(f"{path}: not a readable list of HDF5 files; make it with `cellseg data`") from error
    if not entries:
        raise CellsegError(f"{path}: names no HDF5 file; make it with `cellseg data`")
    shards = [_read_shard(path, entry) for entry in entries]
    if len({data.shape[1:] for data, _ in shards}) > 1:
        raise CellsegError(f"{path}: its HDF5 files hold patches of different sizes; make it again")
    return tuple(np.concatenate(stacks) for stacks in zip(*shards))


def read_numbers(path):
    """The numbers of the cells in all shards of a list file, as `write_split` keeps them beside Caffe's datasets.

    Returns
    -------
    ndarray of shape (N, H, W), int32, or None
        None where a shard has none, such as one that others wrote.

    Raises
    ------
    CellsegError
        If they cannot be read.
    """
    parts = []
    for entry in Path(path).read_text(encoding="utf-8").split():
        part = hdf5.read(entry, optional, "labels", name=entry)
        if part is None:
            return None
        if part.ndim != 4 or part.shape[1] != 1:
            raise CellsegError(f"{entry}: labels is {part.shape}, not (N, 1, H, W); make it again")
        parts.append(part[:, 0].astype(np.int32))
    return np.concatenate(parts)


def _read_shard(path, entry):
    if not Path(entry).exists():
        raise CellsegError(f"{path}: names {entry}, which is not there from {Path.cwd()}; make the data again")
    data, label = hdf5.read(entry, arrays, ("data", "label"), name=entry)
    if data.ndim != 4 or data.shape[1] != 1 or label.shape != data.shape or not len(data):
        raise CellsegError(f"{entry}: data is {data.shape} and label {label.shape}; both must be (N, 1, H, W)")
    with np.errstate(over="ignore"):
        data = data.astype(np.float32)
    if not np.isfinite(data).all():
        raise CellsegError(f"{entry}: holds NaN, infinite or too large values; make it again")
    if not np.isin(label, (0, 1)).all():
        raise CellsegError(f"{entry}: holds labels other than 0 and 1; make it again")
    return data[:, 0], label[:, 0].astype(np.uint8)
