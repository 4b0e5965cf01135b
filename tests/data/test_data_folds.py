"""Cross-validation: every training image is held out once, and no test image is seen."""

import numpy as np
import pytest
from PIL import Image

from cellseg.data.folder import read_examples
from cellseg.data.folds import write_folds
from cellseg.errors import CellsegError
from cellseg.images.write import write_image


def test_every_training_image_is_held_out_once(real_folder, tmp_path):
    write_folds(real_folder, tmp_path / "folds", 3)
    held_out = []
    for fold in range(3):
        train, test = (
            {path.name for path in (tmp_path / "folds" / f"fold-{fold}" / split / "masks").iterdir()}
            for split in ("train", "test")
        )
        assert len(train) == 2 and len(test) == 1 and not train & test
        held_out += test
    assert sorted(held_out) == ["cell_0.png", "cell_1.png", "cell_2.png"]
    copied = np.array(Image.open(str(tmp_path / "folds" / "fold-0" / "test" / "images" / held_out[0])))
    np.testing.assert_array_equal(copied, np.array(Image.open(str(real_folder / "train" / "images" / held_out[0]))))


def test_numbered_cells_stay_numbered_in_the_folds(real_folder, tmp_path):
    (real_folder / "train" / "masks").rename(real_folder / "train" / "labels")
    for number in range(3):
        labels = np.kron([[0, 1], [2, 3]], np.ones((64, 64))).astype(np.uint8)
        write_image(real_folder / "train" / "labels" / f"cell_{number}.png", labels)
    for folder in write_folds(real_folder, tmp_path / "folds", 3):
        examples = read_examples(folder / "train") + read_examples(folder / "test")
        assert [(example.numbered, example.labels.max()) for example in examples] == [(True, 3)] * 3


def test_folds_of_a_folder_with_a_mask_for_each_cell(tmp_path):
    for name in ("a", "b"):
        write_image(tmp_path / "real" / "train" / name / "images" / f"{name}.png", np.eye(9, dtype=np.uint8))
        for number in range(2):
            mask = np.zeros((9, 9), np.uint8)
            mask[4 * number : 4 * number + 4] = 255
            write_image(tmp_path / "real" / "train" / name / "masks" / f"{number}.png", mask)
    for folder in write_folds(tmp_path / "real", tmp_path / "folds", 2):
        assert [read_examples(folder / split)[0].labels.max() for split in ("train", "test")] == [2, 2]


@pytest.mark.parametrize("folds", [1, 4])
def test_folds_without_an_image_are_refused(real_folder, tmp_path, folds):
    with pytest.raises(CellsegError, match="give 2 to 3"):
        write_folds(real_folder, tmp_path / "folds", folds)
    assert not (tmp_path / "folds").exists()
