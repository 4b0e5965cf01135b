"""What is known of one plane: its labels, and the probabilities if they are wanted, lie on disk."""

from cellseg.segmentation.doubts import doubts
from cellseg.segmentation.find_cells import find_cells
from cellseg.segmentation.properties import measure_properties
from cellseg.segmentation.rows import Rows
from cellseg.segmentation.selection import ALL


class PlaneResult:
    """The cells of a plane.

    Parameters
    ----------
    scratch : path
        A folder for its rows.
    number : int
        Of the plane, from 0.
    plane : cellseg.images.source.Plane
    scale : cellseg.data.normalisation.Scale
    settings : cellseg.models.settings.ModelSettings
    with_probability : bool
        Whether probabilities are kept.
    selection : cellseg.segmentation.selection.Selection

    Attributes
    ----------
    more : dict of str to list
        Further columns of ``objects.csv``, with a value a cell.
    """

    def __init__(self, scratch, number, plane, scale, settings, with_probability, selection=ALL):
        self.plane, self.scale, self.settings, self.selection = plane, scale, settings, selection
        self.more = {}
        self._labels = Rows(scratch / f"labels-{number}", plane.shape, "uint32")
        self._probability = (
            Rows(scratch / f"probability-{number}", plane.shape, "float32") if with_probability else None
        )
        self._cells = None

    def find(self, bands, progress):
        """Find the cells from the bands of `cellseg.segmentation.find_cells.map_bands`."""
        probability = self._probability.append if self._probability else None
        self._cells = find_cells(
            self.plane, bands, self.settings, self._labels.append, probability, progress, self.selection
        )
        for rows in filter(None, (self._labels, self._probability)):
            rows.close()

    def measure(self, properties):
        """Add columns; see `cellseg.segmentation.properties.measure_properties`."""
        self.more.update(measure_properties(self.plane, self.labels, self.table, properties))

    @property
    def doubts(self):
        """See `cellseg.segmentation.doubts.doubts`."""
        return doubts(self.plane, self.scale, self._cells, self.settings.diameter)

    @property
    def table(self):
        """A row a cell; see `cellseg.segmentation.measurement`."""
        return self._cells.table

    @property
    def count(self):
        """How many cells there are."""
        return len(self.table)

    def grey(self, height):
        """The grey values from the top, in arrays of shape (height, W)."""
        rows, width = self.plane.shape
        for top in range(0, rows, height):
            yield self.plane.read(top, min(top + height, rows), 0, width)

    def labels(self, height):
        """The same of the labels."""
        numbers = self._cells.numbers
        for rows in self._labels.bands(height):
            yield numbers[rows]

    def mask(self, height):
        """The same of the mask, 0 and 255."""
        for rows in self.labels(height):
            yield (rows > 0).astype("uint8") * 255

    def probability(self, height):
        """The same of the probabilities."""
        return self._probability.bands(height)
