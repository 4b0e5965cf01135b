"""The mean of training images, which nets from elsewhere are fed without: read, computed and written.

Caffe keeps it as a ``.binaryproto``, scripts for pycaffe as ``.npy``.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from cellseg.engine import hdf5
from cellseg.engine.blob_file import read_blob, write_blob
from cellseg.engine.databases import Records, read_datum
from cellseg.engine.hdf5_list import files_in
from cellseg.engine.image_list import read_labelled
from cellseg.engine.pictures import read_picture
from cellseg.errors import CellsegError
from cellseg.files import replacing
from cellseg.images.find import find_images

SUFFIXES = (".binaryproto", ".npy", ".png")
_HDF5 = (".h5", ".hdf5", ".hdf")
_DATABASES = {"data.mdb": "LMDB", "CURRENT": "LEVELDB"}  # what lies in such a folder


def read_mean(path):
    """Read the mean of images.

    Parameters
    ----------
    path : str or path
        A ``.binaryproto``, or a ``.npy`` of shape (C, H, W), (1, C, H, W), (H, W) or (C,).

    Returns
    -------
    ndarray of shape (C, H, W) or (C, 1, 1), float32
        To be subtracted from the images before a net gets them; channels in the order of the file, which for Caffe's
        own nets is blue, green, red, and values from 0 to 255.

    Raises
    ------
    CellsegError
        If it cannot be read, or holds something else.
    """
    path = Path(path)
    if path.suffix.lower() == ".npy":
        try:
            with path.open("rb") as file:
                mean = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise CellsegError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    else:
        mean = read_blob(path)
    shape = mean.shape
    while mean.ndim > 3 and len(mean) == 1:
        mean = mean[0]
    if not isinstance(mean, np.ndarray) or mean.dtype.kind not in "fiu" or mean.ndim not in (1, 2, 3) or not mean.size:
        raise CellsegError(f"{path}: of the shape {shape}; the mean of images has channels, rows and columns")
    mean = mean.astype(np.float32)
    if not np.isfinite(mean).all():
        raise CellsegError(f"{path}: holds NaN or infinite numbers; make it again")
    return mean[:, None, None] if mean.ndim == 1 else mean[None] if mean.ndim == 2 else mean


def compute_mean(source, dataset="data", grey=False, root=""):
    """The mean of all images, pixel by pixel.

    Parameters
    ----------
    source : str or path
        A folder of pictures, an HDF5 file, a list of HDF5 files, a list of pictures with a name and a label on each
        line, as Caffe's ``convert_imageset`` takes it, or the folder of the LMDB or LevelDB that it makes.
    dataset : str
        Of HDF5 files.
    grey : bool
        Whether pictures are read as grey values; else as blue, green and red.
    root : str
        What stands before the names of pictures in a list.

    Returns
    -------
    mean : ndarray of shape (C, H, W), float32
    number : int
        Of images.

    Raises
    ------
    CellsegError
        If images cannot be read, or differ in size.
    """
    total, number, before = None, 0, None
    for name, part, images in _parts(Path(source), dataset, grey, root):
        if total is not None and part.shape != total.shape:
            sizes = f"{_shown(part.shape)}, but {before} is {_shown(total.shape)}"
            raise CellsegError(f"{name}: is {sizes}; a mean needs images of one size: resize them first")
        total, number, before = part if total is None else total + part, number + images, name
    if total is None:
        raise CellsegError(f"{source}: holds no images")
    return (total / number).astype(np.float32), number


def write_mean(path, mean):
    """Write a mean.

    Parameters
    ----------
    path : str or path
        Ends in ``.binaryproto`` (for Caffe), ``.npy`` (as it is) or ``.png`` (to look at: 8 bits, red first).
    mean : ndarray of shape (C, H, W)
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".binaryproto":
        return write_blob(path, mean[None])
    if suffix == ".npy":
        with replacing(path) as beside:
            return np.save(beside, mean)
    if suffix != ".png":
        raise CellsegError(f"{path}: a mean is written as {', '.join(SUFFIXES)}; choose one of these")
    if len(mean) not in (1, 3):
        raise CellsegError(f"{path}: a picture has 1 or 3 channels, the mean has {len(mean)}; write it as .npy")
    values = mean.round().clip(0, 255).astype(np.uint8)
    picture = values[0] if len(mean) == 1 else np.ascontiguousarray(values[::-1].transpose(1, 2, 0))
    with replacing(path) as beside:
        Image.fromarray(picture).save(beside)


def _parts(source, dataset, grey, root):
    """For each file or record: its name, the sum of its images in double precision, and their number."""
    backend = next((name for file, name in _DATABASES.items() if (source / file).is_file()), None)
    if backend:
        yield from _recorded(source, backend)
        return
    for name in _names(source, root):
        if Path(name).suffix.lower() in _HDF5:
            yield name, *hdf5.read(name, _sum, dataset)
        else:
            yield name, read_picture(name, not grey).transpose(2, 0, 1).astype(np.float64), 1


def _names(source, root):
    """The files that a folder or a list names, or the file itself."""
    if source.is_dir():
        return [str(found.path) for found in find_images([source])]
    if source.suffix.lower() in _HDF5:
        return [str(source)]
    names = files_in(source)
    if all(Path(name).suffix.lower() in _HDF5 for name in names):
        return names
    return [root + name for name, _ in read_labelled(str(source))]


def _recorded(source, backend):
    """The images of a database."""
    records = Records(str(source), backend)
    first = records.key()
    while True:
        key, value = records.now()
        name, image, _ = read_datum(value, f"{source}: record {key.decode(errors='replace')}")
        yield name, image.astype(np.float64), 1
        records.advance()
        if records.key() == first:
            return


def _sum(file, dataset):
    array = file.array(dataset)
    if array.ndim != 4 or not array.size:
        raise CellsegError(f"{file.name}: dataset '{dataset}' is {_shown(array.shape)}; images are NxCxHxW")
    if not np.isfinite(array).all():
        raise CellsegError(f"{file.name}: dataset '{dataset}' holds NaN or infinite numbers")
    return array.sum(0, dtype=np.float64), len(array)


def _shown(shape):
    return "x".join(map(str, shape))
