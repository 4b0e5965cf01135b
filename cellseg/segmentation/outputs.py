"""What is written of an image besides: files whose writers stand above this package, as `cellseg.export` does."""

from collections.abc import Callable
from typing import Any, NamedTuple

from cellseg.segmentation.tables import OBJECTS, object_rows


class ImageResult(NamedTuple):
    """The cells of an image, all of its planes.

    Attributes
    ----------
    name : str
        What the image is called in tables.
    source : cellseg.images.source.Source
    planes : list of cellseg.segmentation.plane_result.PlaneResult
    """

    name: str
    source: Any
    planes: list

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of ``objects.csv``."""
        return (*OBJECTS, *self.planes[0].more)

    def rows(self, page: int, cells: slice = slice(None)):
        """The rows of ``objects.csv`` of some cells of a plane."""
        one = self.planes[page]
        more = {name: values[cells] for name, values in one.more.items()}
        return object_rows(self.name, page, one.plane, one.table[cells], self.source.pixel_size, more)


class Output(NamedTuple):
    """A further file of an image's results.

    Attributes
    ----------
    name : str
        Of the file in the folder of results.
    write : callable
        Called with the path and an `ImageResult`. It goes to other processes, so it is a function of a module.
    """

    name: str
    write: Callable[[Any, ImageResult], None]
