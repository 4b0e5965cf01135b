"""Layers of napari: choosing one, and the plane of it that is shown."""

from typing import NamedTuple

import numpy as np
from qtpy.QtWidgets import QComboBox

from cellseg.errors import CellsegError

_MOST = 100_000_000  # pixels whose maps are kept


class ShownPlane(NamedTuple):
    """The plane of an image layer that napari shows.

    Attributes
    ----------
    where : tuple of int
        Its place on the layer's axes before the last two; empty for a single plane.
    pixels : ndarray of shape (H, W)
    """

    where: tuple[int, ...]
    pixels: np.ndarray


class LayerBox(QComboBox):
    """A choice among the layers of one kind, which follows the viewer's list.

    Parameters
    ----------
    viewer : napari.Viewer
    kind : type
        Such as `napari.layers.Image`.
    """

    def __init__(self, viewer, kind):
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._layers, self._kind = viewer.layers, kind
        for name in ("inserted", "removed", "reordered", "renamed"):
            follow(getattr(self._layers.events, name), self._refresh, self)
        self._refresh()

    @property
    def layer(self):
        """The layer that is chosen; None if there is none."""
        return self.currentData()

    def choose(self, layer) -> None:
        """Choose a layer of the list."""
        self.setCurrentIndex(next(n for n in range(self.count()) if self.itemData(n) is layer))

    def _refresh(self, event=None):
        before = self.layer
        self.blockSignals(True)
        self.clear()
        for layer in self._layers:
            if isinstance(layer, self._kind):
                self.addItem(layer.name, layer)
        self.blockSignals(False)
        known = [self.itemData(n) for n in range(self.count())]
        self.setCurrentIndex(next((n for n, layer in enumerate(known) if layer is before), len(known) - 1))
        if self.layer is not before:
            self.currentIndexChanged.emit(self.currentIndex())


def follow(emitter, slot, owner) -> None:
    """Connect one of napari's events as long as a widget of Qt lives."""
    emitter.connect(slot)
    owner.destroyed.connect(lambda *_: emitter.disconnect(slot))


def shown_plane(viewer, layer) -> ShownPlane:
    """The plane of an image that is shown.

    Raises
    ------
    CellsegError
        If there is no image, or it is shown in a way in which there is no plane of grey values.
    """
    if layer is None:
        raise CellsegError("no image is open; open one (File, Open Sample has one, too)")
    if getattr(layer, "rgb", False):
        raise CellsegError(f"{layer.name}: a colour image; right-click it, Split RGB, and choose a channel")
    data = pixels_of(layer)
    if viewer.dims.ndisplay != 2 or tuple(viewer.dims.displayed) != tuple(range(viewer.dims.ndim))[-2:]:
        raise CellsegError(f"{layer.name}: shown in 3-D or turned; switch to 2-D with the last two axes on the screen")
    height, width = data.shape[-2:]
    if height * width > _MOST:
        size = f"{height}x{width} pixels, more than fit here"
        raise CellsegError(f"{layer.name}: {size}; segment the file with: cellseg segment")
    index = shown_index(viewer, layer)
    return ShownPlane(index, np.asarray(data[index]))


def pixels_of(layer):
    """The pixels of an image layer at its full size, as it holds them: an array, or what reads like one."""
    return layer.data[0] if layer.multiscale else layer.data


def shown_index(viewer, layer) -> tuple[int, ...]:
    """Where the shown plane of a layer is on its axes before the last two."""
    place = layer.world_to_data(viewer.dims.point[-layer.ndim :])[:-2]
    lengths = pixels_of(layer).shape[:-2]
    return tuple(int(np.clip(round(float(one)), 0, most - 1)) for one, most in zip(place, lengths, strict=True))


def check_alike(image, labels) -> None:
    """Refuse labels that do not lie on their image.

    Raises
    ------
    CellsegError
        If there are none, or they cover another part of the world.
    """
    if labels is None:
        raise CellsegError("no labels; segment the image, or add a layer of labels and paint its cells")
    one, other = (layer.extent.world[:, -2:] for layer in (image, labels))
    if not np.allclose(one, other):
        what = f"'{labels.name}' lies elsewhere than '{image.name}' or has another size"
        raise CellsegError(f"{what}; choose the labels of this image")
