import h5py
import numpy as np
import pytest

from cellseg.errors import CellsegError
from cellseg.evaluation.predictions import Prediction, read_predictions, write_predictions


def some(number):
    rng = np.random.RandomState(0)
    for index in range(number):
        image, probability = rng.uniform(size=(2, 12, 9 + index)).astype(np.float32)
        yield Prediction(f"zelle ä {index}.png", image, probability > 0.5, probability, ("", "noise")[index % 2])


def test_predictions_come_back_in_order_with_names_and_types(tmp_path):
    write_predictions(tmp_path / "p.h5", some(12))
    found = read_predictions(tmp_path / "p.h5")
    assert len(found) == 12
    for one, other in zip(found, some(12)):
        assert (one.name, one.background) == (other.name, other.background)
        assert [plane.dtype for plane in one[1:4]] == [np.float32, bool, np.float32]
        for mine, theirs in zip(one[1:4], other[1:4]):
            np.testing.assert_array_equal(mine, theirs)


def test_the_file_is_laid_out_as_described_and_the_same_each_time(tmp_path):
    for name in ("a.h5", "b.h5"):
        write_predictions(tmp_path / name, some(2))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    with h5py.File(str(tmp_path / "a.h5"), "r") as file:
        assert list(file) == ["0000", "0001"] and set(file["0001"]) == {"image", "mask", "probability"}
        kinds = {name: str(data.dtype) for name, data in file["0001"].items()}
        assert kinds == {"image": "float32", "mask": "uint8", "probability": "float32"}
        assert all(data.compression == "gzip" for data in file["0001"].values())


def test_more_than_ten_thousand_images_stay_in_order(tmp_path):
    with h5py.File(str(tmp_path / "p.h5"), "w") as file:
        for number in (9999, 10000, 2):
            group = file.create_group(f"{number:04d}")
            group.attrs["name"] = str(number)
            for key in ("image", "mask", "probability"):
                group[key] = np.zeros((2, 2))
    assert [one.name for one in read_predictions(tmp_path / "p.h5")] == ["2", "9999", "10000"]


def test_files_of_another_kind_are_refused(tmp_path):
    write_predictions(tmp_path / "good.h5", some(3))
    whole = (tmp_path / "good.h5").read_bytes()
    (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("no HDF5")
    for name, shape, other in (("shapes.h5", (2, 3), (2, 2)), ("flat.h5", (2,), (2,))):
        with h5py.File(str(tmp_path / name), "w") as file:
            group = file.create_group("0000")
            group.attrs["name"] = "a"
            group["image"], group["mask"], group["probability"] = np.ones(shape), np.ones(other), np.ones(other)
    with h5py.File(str(tmp_path / "data.h5"), "w") as file:
        file["data"] = np.ones(3)
    with h5py.File(str(tmp_path / "row.h5"), "w") as file:
        file["0"] = np.ones(3)
    for name in ("none.h5", "half.h5", "text.h5", "shapes.h5", "flat.h5", "data.h5", "row.h5"):
        with pytest.raises(CellsegError, match=f"{name}: .*cellseg evaluate"):
            read_predictions(tmp_path / name)


def test_the_names_of_earlier_files_tell_of_a_noise_background(tmp_path):
    names = ["simulated_0001n@12,80", "simulated_0002@1,1", "brain.png"]
    image = np.zeros((4, 4), np.float32)
    write_predictions(tmp_path / "p.h5", [Prediction(name, image, image > 0, image) for name in names])
    with h5py.File(tmp_path / "p.h5", "r+") as file:
        for group in file.values():
            del group.attrs["background"]
    assert [one.background for one in read_predictions(tmp_path / "p.h5")] == ["noise", "", ""]
