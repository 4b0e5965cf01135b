"""Which annotated images are held out, and that they are told apart from those to train on."""

from pathlib import Path

import numpy as np
import pytest

from cellseg.data.folder import Example, read_examples
from cellseg.data.hold_out import read_split, write_split
from cellseg.errors import CellsegError


def example(number, shape=(40, 50), cells=True):
    image = np.random.RandomState(number).randint(0, 255, shape).astype(np.uint8)
    labels = np.zeros(shape, np.int32)
    labels[3:9, 3:9], labels[3:9, 9:15] = cells, 2 * cells
    return Example(image, labels, True, (Path(f"in/{number}.png"), Path(f"truth/{number}.png")))


def test_every_image_is_in_one_part_and_the_seed_decides(tmp_path):
    examples = [example(number) for number in range(10)]
    record = write_split(tmp_path / "a", examples, [Path("in/x.png")], seed=3)
    assert len(record.held_out) == 2 and sorted(record.train + record.held_out) == [f"in/{n}.png" for n in range(10)]
    assert read_split(tmp_path / "a") == record and record.left_out == ["in/x.png"]
    assert write_split(tmp_path / "b", examples, seed=3).held_out == record.held_out
    assert len({tuple(write_split(tmp_path / "c", examples, seed=seed).held_out) for seed in range(5)}) > 1
    for part, names in (("train", record.train), ("test", record.held_out)):
        for one, name in zip(read_examples(tmp_path / "a" / part), names, strict=True):
            assert np.array_equal(one.image, examples[int(Path(name).stem)].image) and one.labels.max() == 2


def test_an_image_with_cells_is_held_out_and_one_is_trained_on(tmp_path):
    few = [example(number, cells=number in (1, 3)) for number in range(5)]
    for seed in range(5):
        assert write_split(tmp_path / "a", few, seed=seed).held_out[0] in ("in/1.png", "in/3.png")
        assert "in/4.png" in write_split(tmp_path / "b", [*few[:1], example(4)], seed=seed).train


def test_where_few_have_cells_not_all_of_them_are_held_out(tmp_path):
    few = [example(number, cells=number in (1, 3)) for number in range(10)]
    for seed in range(5):
        record = write_split(tmp_path / "a", few, seed=seed)
        with_cells = {"in/1.png", "in/3.png"}
        assert len(record.held_out) == 2 and len(with_cells & set(record.train)) == 1, seed


def test_an_only_image_is_cut(tmp_path):
    record = write_split(tmp_path / "a", [example(0, (130, 600))])
    assert record.cut and record.train == record.held_out
    (train,), (test,) = (read_examples(tmp_path / "a" / part) for part in ("train", "test"))
    assert np.array_equal(np.hstack([train.image, test.image]), example(0, (130, 600)).image)
    assert test.image.shape == (130, 150) and train.labels.max() == 2


def test_what_cannot_be_dealt(tmp_path):
    with pytest.raises(CellsegError, match="only annotated image, and too small"):
        write_split(tmp_path / "a", [example(0, (200, 255))])
    with pytest.raises(CellsegError, match=r"in/0.png: the same image as in/0.png"):
        write_split(tmp_path / "a", [example(0), example(0)])
    with pytest.raises(CellsegError, match="nothing to learn"):
        write_split(tmp_path / "a", [example(0, cells=False), example(1, cells=False)])
    assert not (tmp_path / "a").exists()
