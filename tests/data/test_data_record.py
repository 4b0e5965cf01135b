"""`data.json`: what earlier files said with the ends of names."""

import json

import pytest

from cellseg.data.record import read_data
from cellseg.errors import CellsegError


def split(names, **more):
    return {"patches": len(names), "foreground": 0.1, "files": {}, "names": names, **more}


def write(folder, train, **more):
    request = {"kind": "simulated", "normalisation": "percentile"}
    record = {"request": request, "stand_in": False, "splits": {"train": train, "test": split(["b.png@0,0"])}, **more}
    (folder / "data.json").write_text(json.dumps(record))


def test_copies_and_noise_of_earlier_files(tmp_path):
    write(tmp_path, split(["simulated_0000@96,57", "simulated_0001n@40,12"]))
    train = read_data(tmp_path).splits["train"]
    assert train.names == ["simulated_0000@96,57", "simulated_0001@40,12"]
    assert (train.copy, train.background) == ([], ["plain", "noise"])
    write(tmp_path, split(["train/a #2.png@0,0#0", "train/simulation.png@0,0#0", "train/a #2.png@0,0#11"]))
    train = read_data(tmp_path).splits["train"]
    assert train.names == ["train/a #2.png@0,0", "train/simulation.png@0,0", "train/a #2.png@0,0"]
    assert (train.copy, train.background) == ([0, 0, 11], [])
    write(tmp_path, {"patches": 3, "foreground": 0.1, "files": {}})
    assert read_data(tmp_path).splits["train"].names == []


def test_names_of_todays_files_are_left_as_they_are(tmp_path):
    write(tmp_path, split(["simulated_0001n@40,12", "a#0"], copy=[0, 1]), version=1)
    train = read_data(tmp_path).splits["train"]
    assert train.names == ["simulated_0001n@40,12", "a#0"] and train.copy == [0, 1]


@pytest.mark.parametrize("change", [{"copy": [0]}, {"names": ["a"]}, {"copy": ["#0", "#1"]}, {"patches": "2"}])
def test_a_damaged_split_is_named(tmp_path, change):
    write(tmp_path, {**split(["a@0,0", "b@0,0"]), **change}, version=1)
    with pytest.raises(CellsegError, match=r"data\.json: splits"):
        read_data(tmp_path)
