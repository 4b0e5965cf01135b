"""DenseImageData: images with a label for each pixel, from a list of pairs of files."""

from cellseg.engine.image_list import read_pairs
from cellseg.engine.layers.base import shown
from cellseg.engine.layers.images import _ListedImages
from cellseg.engine.pictures import nearest, read_picture
from cellseg.errors import CellsegError


class DenseImageData(_ListedImages):
    """Batches of images and of their labels.

    Labels take the nearest pixel where sizes change, and are cut and mirrored as their image is; the fork itself
    refuses to cut and mirror.
    """

    TOPS = (2, 2)
    PARAMETER = "dense_image_data_param"

    def _entries(self):
        return read_pairs(self.own.source)

    def _read(self):
        name, other = self.listing.now()
        image = self._opened(name)
        labels = read_picture(self.own.root_folder + other, None)
        if labels.shape[2] != 1:
            raise CellsegError(f"{other}: labels must be grey values of 8 bits; it has {labels.shape[2]} channels")
        if self.own.new_height:
            labels = nearest(labels, self.own.new_height, self.own.new_width)
        labels = labels.transpose(2, 0, 1)
        if image.shape[1:] != labels.shape[1:]:
            raise CellsegError(
                f"{name} is {shown(image.shape[1:])}, but its labels {other} are {shown(labels.shape[1:])}"
            )
        return name, image, labels

    def _beside(self, shape):
        return (1, *shape[1:])

    def _cut(self, beside, window):
        return self.transform.cut(beside, window).astype("f4")
