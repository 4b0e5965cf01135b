"""The part of the widget that segments: image, model, and settings that act at once on the maps of the network."""

from functools import partial
from weakref import WeakKeyDictionary

import napari.layers
import numpy as np
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QFormLayout, QGroupBox, QLabel, QProgressBar, QPushButton
from superqt import QLabeledDoubleSlider, QLabeledSlider

from cellseg.errors import CellsegError
from cellseg.napari.background import in_background
from cellseg.napari.layers import LayerBox, follow, pixels_of, shown_index, shown_plane
from cellseg.napari.models import ModelBox
from cellseg.segmentation.model import load_model
from cellseg.segmentation.segment_array import find_in_maps, map_image

_PAUSE = 150  # milliseconds after the last move of a slider
_LARGEST = 2000  # pixels of the smallest cell, at the right end of its slider
_DEEPEST = {1: 5.0, 2: 1.0}  # of a split: in pixels, or in parts of a cell's distance from its edge


class Segmenting(QGroupBox):
    """Segments the shown plane of an image, or all of its planes, into a layer of labels.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    segmented : Signal
        Emitted with the layer of labels when an image is done.
    """

    segmented = Signal(object)
    _advanced = Signal(int)

    def __init__(self, viewer):
        super().__init__("Segment")
        self._viewer = viewer
        self.image, self.model = LayerBox(viewer, napari.layers.Image), ModelBox()
        self.all_planes, self.button = QCheckBox("all planes"), QPushButton("Segment")
        self.bar, self.count = QProgressBar(), QLabel()
        self.threshold, self.split = QLabeledDoubleSlider(), QLabeledDoubleSlider()
        self.smallest = QLabeledSlider()
        self._loaded = (None, None)  # a name and its model
        self._maps = None  # of one plane: layer, index, maps
        self._labels = WeakKeyDictionary()  # of each image: the layer of its labels, and what was found in each plane
        self._todo: list[tuple[int, ...]] = []
        self._finding = False
        self._timer = QTimer(self, singleShot=True, interval=_PAUSE)
        self._lay_out()
        self._timer.timeout.connect(self._find_again)
        self._advanced.connect(self.bar.setValue)
        self.button.clicked.connect(self.segment)
        self.image.currentIndexChanged.connect(self._image_changed)
        follow(viewer.dims.events.current_step, self._image_changed, self)
        for slider in self._sliders.values():
            slider.valueChanged.connect(lambda *_: self._timer.start())
        self._image_changed()

    @property
    def _sliders(self):
        return {"threshold": self.threshold, "split": self.split, "smallest_object": self.smallest}

    def _lay_out(self):
        for slider, most, step in ((self.threshold, 1, 0.01), (self.split, 1, 0.01), (self.smallest, _LARGEST, 1)):
            slider.setOrientation(Qt.Orientation.Horizontal)
            slider.setRange(0, most)
            slider.setSingleStep(step)
        tips = {
            self.threshold: "A pixel is cell where its probability is at least this",
            self.split: "How deep the valley between two touching cells has to be: less makes more cells",
            self.smallest: "Cells with fewer pixels are left out",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)
        self.bar.hide()
        form = QFormLayout(self)
        form.addRow("Image", self.image)
        form.addRow("Model", self.model)
        form.addRow(self.all_planes)
        form.addRow(self.button)
        form.addRow(self.bar)
        form.addRow("Threshold", self.threshold)
        form.addRow("Split", self.split)
        form.addRow("Smallest cell", self.smallest)
        form.addRow(self.count)

    def labels_of(self, image):
        """The layer of labels that was made from an image; None if there is none any more."""
        layer, _ = self._labels.get(image, (None, None))
        return layer if layer in self._viewer.layers else None

    def segment(self) -> None:
        """Segment the image with the model."""
        layer = self.image.layer
        try:
            shown = shown_plane(self._viewer, layer)
        except CellsegError as error:
            show_warning(str(error))
            return
        self._todo = [shown.where]
        if self.all_planes.isChecked():
            self._todo = list(np.ndindex(*pixels_of(layer).shape[:-2]))
        self._set_busy(True)
        self._next(layer)

    def _next(self, layer):
        index = self._todo[0]
        pixels = np.asarray(pixels_of(layer)[index])
        self.bar.setRange(0, 100)
        self.bar.setValue(0)
        self.bar.setFormat(f"plane {list(index)}: %p%" if index else "%p%")
        model, changes = self.model.chosen, self._changes() if self._loaded[0] == self.model.chosen else {}
        done = partial(self._mapped, layer, index, model)
        in_background(self._map, pixels, model, changes, done=done, failed=self._failed)

    def _map(self, pixels, name, changes):
        """In a thread: load the model, run it, and find the cells."""
        known, model = self._loaded
        model = model if known == name else load_model(name)
        seen = [0]

        def progress(count):
            seen[0] += count
            self._advanced.emit(100 * seen[0] // pixels.size)

        maps = map_image(pixels, model, progress=progress)
        return model, maps, find_in_maps(maps, **changes)

    def _mapped(self, layer, index, name, result):
        model, maps, (found, notes) = result
        if self._loaded[0] != name:
            self._loaded = name, model
            self._set_sliders(maps)
        if layer not in self._viewer.layers:
            self._failed(f"'{layer.name}' was removed; its cells are not shown")
            return
        self._maps = layer, index, maps
        self._show(layer, index, found)
        for note in notes:
            show_warning(f"{layer.name}: {note}")
        self._todo = self._todo[1:]
        if self._todo:
            self._next(layer)
            return
        self._set_busy(False)
        self._image_changed()
        self.segmented.emit(self._labels[layer][0])

    def _failed(self, message):
        self._todo = []
        self._set_busy(False)
        show_error(message)

    def _set_busy(self, busy):
        self.button.setEnabled(not busy)
        self.bar.setVisible(busy)

    def _set_sliders(self, maps):
        """Put the sliders where the model's settings are."""
        self.split.setMaximum(_DEEPEST[len(maps.maps)])
        for name, slider in self._sliders.items():
            slider.blockSignals(True)
            slider.setValue(getattr(maps.settings, name) or 0)
            slider.blockSignals(False)

    def _changes(self):
        return {name: slider.value() for name, slider in self._sliders.items()}

    def _image_changed(self, event=None):
        """Sliders act where the maps of the shown plane are known."""
        layer = self.image.layer
        shape = () if layer is None else pixels_of(layer).shape
        self.all_planes.setVisible(layer is not None and not layer.rgb and len(shape) > 2)
        known = self._maps is not None and self._maps[0] is layer
        known = known and shown_index(self._viewer, layer) == self._maps[1]
        for slider in self._sliders.values():
            slider.setEnabled(known)
            slider.setStatusTip("" if known else "segment this plane first")

    def _find_again(self):
        """Find the cells with the settings of now; while that runs, the next settings wait."""
        if self._finding:
            self._timer.start()
            return
        layer, index, maps = self._maps
        self._finding = True
        found = partial(self._found_again, layer, index)
        in_background(partial(find_in_maps, maps, **self._changes()), done=found, failed=self._not_found)

    def _found_again(self, layer, index, result):
        self._finding = False
        if layer in self._viewer.layers:
            self._show(layer, index, result[0])

    def _not_found(self, message):
        self._finding = False
        show_error(message)

    def _show(self, image, index, found):
        """Put labels into their layer; labels that were corrected by hand stay, and the new ones get another layer."""
        layer, known = self._labels.get(image, (None, {}))
        gone = layer not in self._viewer.layers
        corrected = not gone and index in known and not np.array_equal(layer.data[index], known[index])
        if gone or corrected:
            if corrected:
                show_info(f"'{layer.name}' was corrected by hand and stays; the new cells are in another layer")
            shape = pixels_of(image).shape
            names = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
            placed = {name: getattr(image, name) for name in names}
            layer = self._viewer.add_labels(np.zeros(shape, np.int32), name=f"{image.name} cells", **placed)
            known = {}
        layer.data[index] = found.labels
        known[index] = layer.data[index].copy()
        layer.refresh()
        self._labels[image] = layer, known
        count = len(found.objects)
        self.count.setText(f"{count} cell{'' if count == 1 else 's'}")
