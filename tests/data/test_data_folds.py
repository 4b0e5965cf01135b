"""Cross-validation: every training image is held out once, and no test image is seen."""

import numpy as np
import pytest
from PIL import Image

from cellseg.data.folds import write_folds
from cellseg.errors import CellsegError


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


@pytest.mark.parametrize("folds", [1, 4])
def test_folds_without_an_image_are_refused(real_folder, tmp_path, folds):
    with pytest.raises(CellsegError, match="give 2 to 3"):
        write_folds(real_folder, tmp_path / "folds", folds)
    assert not (tmp_path / "folds").exists()
