"""The plugin in napari's own test viewer: see, correct, keep, train, see again; and what can go wrong."""

import os
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile

import cellseg
from cellseg.segmentation import segment
from cellseg.training.record import read_run

pytestmark = [
    pytest.mark.napari,
    pytest.mark.engine,
    pytest.mark.skipif(not (find_spec("npe2") and find_spec("pytestqt")), reason="needs napari: make test brings it"),
]

_SOON, _LATER = 120_000, 600_000  # milliseconds


@pytest.fixture
def parts(plugins, make_viewer, tmp_path):
    """A viewer, and the two parts of the widget in it; images are kept in a folder with a space in its name."""
    with plugins.tmp_plugin(manifest=Path(cellseg.__file__).parent / "napari/napari.yaml"):
        viewer = make_viewer()
        _, widget = viewer.window.add_plugin_dock_widget("cellseg-caffe", "Cells")
        widget.training.folder.setText(str(tmp_path / "my images"))
        yield viewer, widget.segmenting, widget.training


@pytest.fixture(scope="module")
def image():
    """Simulated nuclei, of shape (128, 256)."""
    from cellseg.napari.sample import simulated_cells

    return simulated_cells()[0][0][:128, :256]


def said():
    """What napari has told the user last."""
    from napari.utils.notifications import notification_manager

    return notification_manager.records[-1].message


def test_see_correct_train_and_see_again(parts, qtbot, monkeypatch, tmp_path):
    viewer, see, learn = parts
    viewer.open_sample("cellseg-caffe", "simulated")
    sample = viewer.layers[0].data
    viewer.layers.clear()
    nuclei = viewer.add_image(sample[:128, :256], name="nuclei", scale=(0.5, 0.5))
    with qtbot.waitSignal(see.segmented, timeout=_LATER):
        see.button.click()
    labels = see.labels_of(nuclei)
    first = labels.data.copy()
    count = first.max()
    assert count >= 8 and see.count.text() == f"{count} cells" and learn.labels.layer is labels
    assert (
        tuple(labels.scale) == (0.5, 0.5)
        and see.sliders.threshold.value() == 0.5
        and see.sliders.smallest.value() == 15
    )

    monkeypatch.setattr("cellseg.napari.segmenting.map_image", None)  # the sliders need no network
    see.sliders.smallest.setValue(int(np.sort(np.bincount(first.ravel())[1:])[count // 2]))
    qtbot.waitUntil(lambda: labels.data.max() < count, timeout=_SOON)
    see.sliders.smallest.setValue(15)
    qtbot.waitUntil(lambda: np.array_equal(labels.data, first), timeout=_SOON)
    monkeypatch.undo()

    labels.fill(tuple(np.argwhere(first == 1)[0]), 0)  # napari's own tool: a cell goes
    see.sliders.threshold.setValue(0.7)
    qtbot.waitUntil(lambda: see.labels_of(nuclei) is not labels, timeout=_SOON)
    assert "corrected by hand and stays" in said() and labels.data.max() == count and not (labels.data == 1).any()

    learn.labels.choose(labels)
    learn.keep_button.click()
    kept = tmp_path / "my images"
    assert learn.kept.text() == "1 training image" and f"{count - 1} cells" in said()
    assert np.array_equal(tifffile.imread(kept / "images/nuclei.tif"), nuclei.data)
    assert np.array_equal(tifffile.imread(kept / "labels/nuclei.tif") > 0, labels.data > 0)

    learn.epochs.setValue(2)
    with qtbot.waitSignal(see.segmented, timeout=_LATER):
        learn.train_button.click()
        assert not learn.train_button.isEnabled() and learn.cancel_button.isEnabled()
    old, new, verdict = learn.verdict.text().splitlines()
    assert old.startswith("nuclei: ") and new.startswith("model-1/finetune: F1") and "weak verdict" in verdict
    assert see.model.currentText() == "model-1" and len(learn.plot.losses) == 8 and learn.train_button.isEnabled()
    assert read_run(kept / "model-1/finetune").status == "finished"
    assert see.labels_of(nuclei).data.max() > 0 and see.sliders.threshold.isEnabled()


def test_stacks_are_done_plane_by_plane_or_as_a_whole(parts, qtbot, image):
    viewer, see, learn = parts
    stack = viewer.add_image(np.stack([image[:64, :64], image[64:, 64:128], 0 * image[:64, :64]]), name="stack")
    viewer.dims.set_current_step(0, 1)
    with qtbot.waitSignal(see.segmented, timeout=_LATER):
        see.segment()
    labels = see.labels_of(stack).data
    assert labels.shape == stack.data.shape and labels[1].any() and not labels[0].any()
    assert see.sliders.threshold.isEnabled()
    learn.keep()
    assert (learn.place / "images/stack-1.tif").exists()
    viewer.dims.set_current_step(0, 0)
    assert not see.sliders.threshold.isEnabled()
    see.all_planes.setChecked(True)
    with qtbot.waitSignal(see.segmented, timeout=_LATER):
        see.segment()
    assert see.labels_of(stack).data[0].any() and not see.labels_of(stack).data[2].any()
    before = see.labels_of(stack).data.copy()
    see.button.click()
    see.cancel_button.click()
    qtbot.waitUntil(see.button.isEnabled, timeout=_LATER)
    assert (
        "cancelled" in said()
        and not see.cancel_button.isEnabled()
        and np.array_equal(see.labels_of(stack).data, before)
    )

    see.all_planes.setChecked(False)
    larger = viewer.add_image(np.kron(image[:64, :64], np.ones((2, 2), np.uint8)), name="larger")
    see.image.choose(larger)
    see.diameter.setValue(35.2)  # the model's is 17.6
    with qtbot.waitSignal(see.segmented, timeout=_LATER):
        see.segment()
    expected = segment(larger.data, "nuclei", 35.2).labels
    assert np.array_equal(see.labels_of(larger).data, expected) and expected.max() > 1
    assert see.sliders.smallest.value() == 60  # 15 pixels as the network sees them
    viewer.dims.ndisplay = 3
    see.segment()
    assert "switch to 2-D" in said()


def test_what_does_not_fit_is_one_line(parts, qtbot, image, tmp_path):
    viewer, see, learn = parts
    see.segment()
    assert "no image is open" in said()
    viewer.add_image(np.zeros((8, 8, 3), np.uint8), name="photo", rgb=True)
    see.segment()
    assert "photo: a colour image" in said() and see.button.isEnabled()
    nuclei = viewer.add_image(image[:64, :64], name="nuclei")
    see.image.choose(nuclei)
    learn.keep()
    assert "no labels" in said()
    viewer.add_labels(np.ones((64, 65), int), name="others")
    learn.keep()
    assert "'others' lies elsewhere than 'nuclei'" in said() and not learn.place.exists()
    see.segment()
    viewer.layers.remove(nuclei)
    qtbot.waitUntil(lambda: see.button.isEnabled(), timeout=_LATER)
    assert "'nuclei' was removed" in said() and [layer.name for layer in viewer.layers] == ["photo", "others"]
    learn.folder.setText(str(tmp_path / "nothing"))
    learn.train()
    assert "nothing/images: no such folder" in said() and not learn.trainer.runs


@pytest.mark.parametrize("way", ["cancelled", "closed"])
def test_a_training_that_is_cancelled_or_whose_viewer_is_closed(parts, qtbot, image, way):
    from qtpy.QtCore import QThreadPool

    viewer, see, learn = parts
    viewer.add_image(image, name="nuclei")
    viewer.add_labels((image > image.mean()).astype(int), name="by hand")
    learn.keep()
    learn.epochs.setValue(1000)
    learn.train()
    place, child = learn.place, learn.trainer.child
    run = place / "model-1/finetune"
    qtbot.waitUntil(lambda: len(learn.plot.losses) > 0, timeout=_LATER)
    if way == "cancelled":
        with qtbot.waitSignal(learn.trainer.failed, timeout=_SOON):
            learn.cancel_button.click()
        assert "interrupted after" in learn.verdict.text() and "cellseg train resume" in learn.verdict.text()
        assert learn.train_button.isEnabled() and not learn.trainer.runs
    else:
        see.segment()  # whose end nobody waits for any more
        viewer.close()
        assert QThreadPool.globalInstance().waitForDone(_SOON)
        qtbot.waitUntil(lambda: child.process.poll() is not None, timeout=_SOON)
    assert list(run.glob("*.solverstate")) and read_run(run).status == "interrupted"
    assert not [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _works_in(pid, place)]


def _works_in(pid, folder):
    """Whether a process has the annotation folder as its working folder, as the training and its child have."""
    for _ in range(100):
        try:
            if os.readlink(f"/proc/{pid}/cwd") != str(folder):
                return False
        except OSError:
            return False
        time.sleep(0.1)
    return True
