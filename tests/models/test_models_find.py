"""Which weights a user means: a file, a run folder, or the name of a model that ships."""

from pathlib import Path

import pytest

from cellseg.errors import CellsegError
from cellseg.models import shipped as module
from cellseg.models.find import default_deploy, find_model, is_model


@pytest.mark.parametrize("name", ["finetune", "pretrain"])
def test_a_run_folder_stands_for_its_last_weights(tmp_path, name):
    with pytest.raises(CellsegError, match="holds no finetune.caffemodel"):
        find_model(tmp_path)
    assert not is_model(tmp_path)
    for stage in ("pretrain", name):
        (tmp_path / f"{stage}.caffemodel").write_bytes(b"weights")
    assert find_model(tmp_path) == find_model(tmp_path / f"{name}.caffemodel") == tmp_path / f"{name}.caffemodel"
    assert is_model(tmp_path) and is_model(str(tmp_path))
    with pytest.raises(CellsegError, match="no such file"):
        find_model(tmp_path / "other.caffemodel")


@pytest.mark.parametrize("word", ["none/x.caffemodel", "x.caffemodel.h5"])
def test_a_model_is_known_by_its_suffix(word):
    assert is_model(word) and not is_model(word.replace("caffemodel", "tif"))


@pytest.mark.engine
def test_a_name_goes_before_a_folder_that_is_called_alike(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nuclei").mkdir()
    Path("nuclei/finetune.caffemodel").write_bytes(b"weights")
    assert find_model("nuclei") == shipped / "model.caffemodel"
    assert default_deploy(find_model("nuclei")) == shipped / "deploy.prototxt"
    for other in ("./nuclei", Path("nuclei")):
        assert find_model(other) == Path("nuclei/finetune.caffemodel")
    with pytest.raises(CellsegError, match=r"nucle: no such file; .* the name of a model that ships \(nuclei\)"):
        find_model("nucle")


@pytest.mark.engine
def test_weights_of_a_shipped_model_are_known_by_their_place(shipped, model):
    assert module.is_shipped(shipped / "model.caffemodel") and not module.is_shipped(model)


def test_without_the_models_that_ship_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_FOLDER", tmp_path)
    with pytest.raises(CellsegError, match="nuclei: no such file; give a .caffemodel"):
        find_model("nuclei")


@pytest.mark.parametrize("one", module.shipped_models(), ids=lambda one: one.name)
def test_what_ships_is_whole_and_small(one):
    assert {path.name for path in one.folder.iterdir()} == {
        *("model.caffemodel", "deploy.prototxt", "model.segmentation.json", "card.md")
    }
    assert one.about and one.settings.diameter and one.settings.recipe
    assert Path(one.settings.deploy) == one.folder / "deploy.prototxt"
    assert one.weights.stat().st_size < 6e6
