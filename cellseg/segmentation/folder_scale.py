"""One grey-value scale for all images, measured before the first of them is segmented."""

import contextlib

from cellseg.errors import CellsegError
from cellseg.images.look import read_through
from cellseg.progress import bar
from cellseg.segmentation.apart import Apart
from cellseg.segmentation.find_cells import measure_scale
from cellseg.segmentation.segment_image import open_job


def folder_scale(found, options):
    """Measure the scale over all pixels of all images.

    Images that cannot be read are left out; that is said when their turn comes.

    Parameters
    ----------
    found : sequence of cellseg.images.find.Found
    options : cellseg.segmentation.options.SegmentationOptions

    Returns
    -------
    cellseg.data.normalisation.Scale or None
        None if no image can be read.

    Raises
    ------
    CellsegError
        If the images differ in their channel or in the type of their values, so that one scale means nothing.
    """
    readable, kinds = [], {}
    with bar("image")(total=len(found)) as shown, Apart() as apart:
        for one in found:
            with contextlib.suppress(CellsegError):
                kind = apart.call(read_through, one.path, options.channel, options.axes, options.series)
                kinds.setdefault(kind, one.path)
                readable.append(one)
            shown.update()
    if len(kinds) > 1:
        (kind, path), (other, second) = list(kinds.items())[:2]
        what = f"{path} is channel {kind[0]} of {kind[1]}, and {second} channel {other[0]} of {other[1]}"
        how = "choose images of one channel and one type (--glob, --channel), or --scale-over image"
        raise CellsegError(f"--scale-over folder: {what}, which no one scale fits; {how}")
    planes = _Planes(readable, options)
    return measure_scale(planes, "the images", options.settings, options.percentiles) if readable else None


class _Planes:
    """The planes of several images, of which one at a time is open."""

    def __init__(self, found, options):
        self.found, self.options = found, options

    def __iter__(self):
        for one in self.found:
            with open_job(one, self.options) as source:
                yield from source.planes
