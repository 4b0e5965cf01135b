"""Public data sets by name: cut out of a published archive by a table, and checked pixel by pixel.

Both come from BBBC038v1, the 2018 Data Science Bowl's ``stage1_train.zip`` (Ljosa et al., Nature Methods 2012; Caicedo
et al., Nature Methods 2019; CC0 1.0): ``real55`` is 95 crops of 128x128 pixels in the shape that the report describes,
``fields`` 372 whole fields. The tables in ``tables/`` name the field of each image, where it was cut, and the SHA-256
of its pixels; so the archive itself need not be trusted.
"""

import csv
import hashlib
import io
import logging
import os
import sys
import zipfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pooch
import requests
from PIL import Image

from cellseg.data.names import PUBLIC
from cellseg.errors import CellsegError
from cellseg.files import make_folder
from cellseg.results import check_result_folder, replacing_folder

#: Environment variable that names the archive: a file, or another address to fetch it from.
VARIABLE = "BBBC038"

_ADDRESS = "https://data.broadinstitute.org/bbbc/BBBC038/stage1_train.zip"
_ADVICE = f"fetch stage1_train.zip of BBBC038v1 yourself and name it: {VARIABLE}=path/to/stage1_train.zip"
_DIGITS = 16  # of a SHA-256, in the tables


@dataclass(frozen=True)
class Cut:
    """One image of a public data set: which part of which field, and what its pixels must be.

    Attributes
    ----------
    split : {"train", "test"}
    file : str
        Name of the image and of its labels.
    image_id : str
        The field's name in BBBC038.
    row, column, height, width : int
        Where it was cut, in pixels.
    nuclei : int
    image_sha256, labels_sha256 : str
        First 16 hexadecimal digits of the SHA-256 of the pixels, row by row.
    """

    split: str
    file: str
    image_id: str
    row: int
    column: int
    height: int
    width: int
    nuclei: int
    image_sha256: str
    labels_sha256: str

    def holds(self, image: np.ndarray, labels: np.ndarray) -> bool:
        """Whether these are the right pixels."""
        return (_digest(image), _digest(labels)) == (self.image_sha256, self.labels_sha256)


def find_real(text: str, progress=iter) -> Path:
    """The folder of annotated images that a user means: a folder's path, or the name of a public data set.

    A folder of that name in the working folder comes first.

    Parameters
    ----------
    text : str
    progress : callable, optional
        Wraps the loop over images where a data set has to be made.

    Returns
    -------
    path

    Raises
    ------
    CellsegError
        See `fetch`.
    """
    return Path(text) if text not in PUBLIC or Path(text).is_dir() else fetch(text, progress=progress)


def fetch(name: str, folder: str | Path | None = None, archive: str | None = None, progress=iter) -> Path:
    """Make a public data set: ``folder/{train,test}/{images,masks,labels}``.

    Nothing is fetched or written where the folder holds the data set already, each pixel as it should be.

    Parameters
    ----------
    name : {"real55", "fields"}
    folder : path, optional
        By default ``runs/public/NAME``; replaced as a whole.
    archive : str, optional
        ``stage1_train.zip``, or an address to fetch it from; by default what ``BBBC038`` in the environment names, else
        the publisher's address. What is fetched is kept in the user's cache.
    progress : callable, optional
        Wraps the loop over images.

    Returns
    -------
    path
        The folder.

    Raises
    ------
    CellsegError
        If the archive cannot be had or is damaged, if a pixel is not as it should be, or if the folder cannot be
        written. Then nothing is half made.
    """
    folder = Path(folder or Path("runs") / "public" / name)
    cuts = read_table(name)
    if _is_complete(folder, cuts):
        return folder
    check_result_folder(folder)
    archive = archive or os.environ.get(VARIABLE) or _ADDRESS
    fetched = "://" in archive
    path = _download(archive) if fetched else Path(archive)
    try:
        _write(folder, path, cuts, progress)
    except _DamagedError as error:
        if fetched:
            path.unlink(missing_ok=True)  # so that the next call fetches it again
        advice = "run the command again" if fetched else _ADVICE
        raise CellsegError(f"{archive}: {error}; {advice}") from error
    return folder


def read_table(name: str) -> list[Cut]:
    """The table of a public data set.

    Raises
    ------
    CellsegError
        If no data set has that name.
    """
    if name not in PUBLIC:
        raise CellsegError(f"no public data set is called '{name}'; there are: {', '.join(PUBLIC)}")
    text = (resources.files("cellseg.data") / "tables" / f"{name}.csv").read_text(encoding="utf-8")
    numbers = ("row", "column", "height", "width", "nuclei")
    rows = csv.DictReader(io.StringIO(text))
    values = [{key: int(value) if key in numbers else value for key, value in row.items()} for row in rows]
    return [Cut(**row) for row in values]  # type: ignore[arg-type]  # the columns are its fields


class _DamagedError(Exception):
    """An archive that is not the one that it should be."""


def _write(folder, path, cuts, progress):
    try:
        with zipfile.ZipFile(path) as archive, replacing_folder(folder) as beside:
            fields = _Fields(archive)
            for cut in progress(cuts):
                image, labels = fields.cut(cut)
                if not cut.holds(image, labels):
                    raise _DamagedError(f"the pixels of {cut.image_id} are not those of BBBC038v1")
                for kind, array in (
                    ("images", image),
                    ("labels", labels),
                    ("masks", (labels > 0).astype(np.uint8) * 255),
                ):
                    place = beside / cut.split / kind / cut.file
                    place.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(array).save(place)
    except FileNotFoundError as error:
        raise CellsegError(f"{path}: no such file; {_ADVICE}") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise _DamagedError(f"not a whole zip file ({error})") from error


class _Fields:
    """The fields of ``stage1_train.zip``: ``ID/images/ID.png`` and ``ID/masks/*.png`` each, in whatever folder."""

    def __init__(self, archive):
        self._archive, self._masks, self._images, self._last = archive, {}, {}, (None, None)
        for name in sorted(archive.namelist()):
            parts = name.split("/")
            if name.lower().endswith(".png") and len(parts) >= 3:
                if parts[-2] == "masks":
                    self._masks.setdefault(parts[-3], []).append(name)
                elif parts[-2] == "images":
                    self._images[parts[-3]] = name

    def cut(self, cut):
        """Grey values and labels of a part of a field; nuclei are numbered in the order of their files' names."""
        if self._last[0] != cut.image_id:
            self._last = cut.image_id, self._field(cut.image_id)
        rows, columns = slice(cut.row, cut.row + cut.height), slice(cut.column, cut.column + cut.width)
        image, labels = (array[rows, columns] for array in self._last[1])
        kept = np.unique(labels[labels > 0])
        kind = np.uint8 if len(kept) < 256 else np.uint16
        return image, np.where(labels > 0, np.searchsorted(kept, labels) + 1, 0).astype(kind)

    def _field(self, image_id):
        if image_id not in self._images or image_id not in self._masks:
            raise _DamagedError(f"holds no field {image_id}; it is not stage1_train.zip of BBBC038v1")
        image = self._read(self._images[image_id])
        labels = np.zeros(image.shape, np.uint32)
        for number, name in enumerate(self._masks[image_id], start=1):
            mask = self._read(name)
            if mask.shape != labels.shape:
                raise _DamagedError(f"{name} has another size than its field")
            labels[mask > 0] = number
        return image, labels

    def _read(self, name):
        try:
            with Image.open(io.BytesIO(self._archive.read(name)), formats=["PNG"]) as file:
                pixels = np.asarray(file)
        except (OSError, ValueError, SyntaxError) as error:
            raise _DamagedError(f"{name} is damaged ({error})") from error
        return pixels if pixels.ndim == 2 else pixels[..., 0]  # published as grey in RGBA


def _download(address):
    pooch.get_logger().setLevel(logging.ERROR)
    cache = make_folder(os.environ.get("CELLSEG_CACHE") or pooch.os_cache("cellseg"))
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=60)
    try:
        return Path(pooch.retrieve(address, None, path=cache, downloader=downloader))
    except requests.RequestException as error:
        why = "no network?" if isinstance(error, requests.ConnectionError) else error
        raise CellsegError(f"{address}: cannot be fetched ({why}); {_ADVICE}") from error
    except OSError as error:
        raise CellsegError(f"{cache}: cannot be written ({error.strerror or error}); make room there") from error


def _is_complete(folder, cuts):
    try:
        return all(
            cut.holds(*(np.asarray(Image.open(folder / cut.split / kind / cut.file)) for kind in ("images", "labels")))
            and (folder / cut.split / "masks" / cut.file).is_file()
            for cut in cuts
        )
    except (OSError, ValueError, SyntaxError):
        return False


def _digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:_DIGITS]
