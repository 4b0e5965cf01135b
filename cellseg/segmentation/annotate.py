"""From results to an annotation folder: what was found is there to be corrected by hand, in any program."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cellseg.data.annotation import Kept, keep
from cellseg.errors import CellsegError
from cellseg.images.find import identify
from cellseg.images.open import open_image
from cellseg.segmentation.record import IMAGE, read_result


class Annotation(NamedTuple):
    """What became of the results of an image.

    Attributes
    ----------
    folder : pathlib.Path
        Where they lie.
    kept : list of cellseg.data.annotation.Kept
        One a plane; empty if it failed.
    error : str
        Why it failed, in one line.
    """

    folder: Path
    kept: list[Kept]
    error: str = ""


def annotate(results, out, overwrite: bool = False) -> Iterator[Annotation]:
    """Write the images of a folder of results, and the cells found in them, into an annotation folder.

    Labels that are there already, and may have been corrected, stay. Each plane of a stack is an image of its own.

    Parameters
    ----------
    results, out : str or path
        See `cellseg.segmentation.segment_image` and `cellseg.data.annotation`.
    overwrite : bool
        Whether to replace labels that are there.

    Yields
    ------
    Annotation

    Raises
    ------
    CellsegError
        If there are no results.
    """
    folders = sorted(path.parent for path in Path(results).rglob(IMAGE))
    if not folders:
        raise CellsegError(f"{results}: holds no results ({IMAGE}); give the folder that `cellseg segment` has written")
    for folder in folders:
        try:
            yield Annotation(folder, _planes(folder, out, overwrite))
        except CellsegError as error:
            yield Annotation(folder, [], str(error))


def _planes(folder, out, overwrite):
    record = read_result(folder)
    if record.image is None:
        raise CellsegError(f"{folder}: does not say which image it is of; segment the image again with --overwrite")
    path, how = record.image.path, record.settings
    if identify(path) != record.image:
        raise CellsegError(f"{path}: has changed since it was segmented; segment it again")
    given = (how.get(name) for name in ("channel", "axes", "series"))
    with open_image(path, *given) as source, open_image(folder / "labels.tif", stored=True) as found:
        if [plane.shape for plane in source.planes] != [plane.shape for plane in found.planes]:
            raise CellsegError(
                f"{folder / 'labels.tif'}: does not fit {path}; segment the image again with --overwrite"
            )
        kept = []
        for plane, labels in zip(source.planes, found.planes, strict=True):
            index = [f"{letter}{number}" for letter, number in plane.index.items()]
            name = "-".join([str(Path(record.summary["image"]).with_suffix("")), *index])
            box = (0, plane.shape[0], 0, plane.shape[1])
            kept.append(keep(out, name, plane.read(*box), labels.read(*box), overwrite))
    return kept
