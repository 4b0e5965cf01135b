"""The rows that HDF5Data gives, in a fresh process: bit for bit the order of real Caffe's."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from engines import difference, run

from cellseg.engine.torch import TEST, TRAIN, Net
from cellseg.engine.torch.context import context
from cellseg.engine.torch.random import CRand

SIZES = [([7], 3), ([1], 4), ([9], 9), ([5, 8, 3], 4), ([4, 4], 16), ([1, 1, 6, 1], 3), ([500, 70], 64), ([12] * 9, 5)]

# Each step is the number of a net and how many passes it makes.
PASSES = """
caffe.set_solver_count(given["world_size"])
caffe.set_solver_rank(given["rank"])
nets = [caffe.Net(name, phase) for name, phase in given["nets"]]
for step, (number, passes) in enumerate(given["steps"]):
    for index in range(passes):
        nets[number].forward()
        for name in ("data", "label"):
            found["%s %d %d" % (name, step, index)] = nets[number].blobs[name].data.copy()
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """The working folder is empty, and nothing was drawn from ``rand()``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(context, "rand", CRand())


def write_net(name, sizes, batch, shuffle, kinds=("f4", "u1")):
    """A net prototxt of one HDF5Data layer, its list, and one file for each of `sizes`; each row is another number."""
    number, names = 0, []
    for part, size in enumerate(sizes):
        names.append(f"{name}_{part}.h5")
        rows = np.arange(number, number + size)
        with h5py.File(names[-1], "w") as file:
            file["data"] = (rows[:, None, None, None] + np.linspace(0, 0.9, 6).reshape(1, 2, 3)).astype(kinds[0])
            file["label"] = (rows % 200).astype(kinds[1])
        number += size
    Path(f"{name}.txt").write_text("\n".join(names))
    Path(f"{name}.prototxt").write_text(
        f'layer {{ name: "data" type: "HDF5Data" top: "data" top: "label" hdf5_data_param {{ source: "{name}.txt" '
        f"batch_size: {batch} shuffle: {'true' if shuffle else 'false'} }} }}\n"
    )
    return f"{name}.prototxt"


def compare(folder, nets, steps):
    """Run nets on both engines; gives the numbers of the rows that came, a list for each step."""
    theirs, _ = run("caffe", folder, PASSES, nets=nets, steps=steps, rank=context.rank, world_size=context.world_size)
    made, ours = [Net(name, phase) for name, phase in nets], {}
    for step, (number, passes) in enumerate(steps):
        for index in range(passes):
            made[number].forward()
            for name in ("data", "label"):
                ours[f"{name} {step} {index}"] = made[number].blobs[name].data.copy()
    assert set(ours) == set(theirs)
    differences = {name: difference(ours[name], theirs[name]) for name in ours}
    rows = sum(len(ours[name]) for name in ours if name.startswith("data"))
    print(f"{len(nets)} nets, {len(steps)} steps: largest difference {max(differences.values())} in {rows} rows")
    assert not any(differences.values()), [name for name in differences if differences[name]]
    return [
        np.concatenate([theirs[f"data {step} {index}"][:, 0, 0, 0] for index in range(passes)]).astype(int).tolist()
        for step, (_, passes) in enumerate(steps)
    ]


def passes_for(sizes, batch):
    """Enough for more than five epochs."""
    return 5 * sum(sizes) // batch + 3


def test_rows_in_order(tmp_path):
    nets = [(write_net(f"net{i}", sizes, batch, False), TRAIN) for i, (sizes, batch) in enumerate(SIZES)]
    steps = [(number, passes_for(*sizes)) for number, sizes in enumerate(SIZES)]
    for (sizes, _), rows in zip(SIZES, compare(tmp_path, nets, steps)):
        assert rows == [number % sum(sizes) for number in range(len(rows))]


@pytest.mark.parametrize(("sizes", "batch"), SIZES)
def test_rows_shuffled(tmp_path, sizes, batch):
    (rows,) = compare(tmp_path, [(write_net("one", sizes, batch, True), TRAIN)], [(0, passes_for(sizes, batch))])
    epoch = sum(sizes)
    epochs = [rows[start : start + epoch] for start in range(0, 5 * epoch, epoch)]
    assert all(sorted(numbers) == list(range(epoch)) for numbers in epochs)
    assert len({tuple(numbers) for numbers in epochs}) == 5 or epoch < 10


@pytest.mark.parametrize("shuffle", [(True, True), (True, False)])
def test_two_nets_of_a_process_draw_from_the_same_numbers(tmp_path, shuffle):
    nets = [
        (write_net("train", [5, 9, 4], 4, shuffle[0]), TRAIN),
        (write_net("test", [6, 3], 2, shuffle[1]), TEST),
    ]
    compare(tmp_path, nets, [(0, 3), (1, 5), (0, 7), (1, 6), (0, 11), (1, 1), (0, 9)])


@pytest.mark.parametrize("rank", [0, 2])
def test_each_of_several_processes_takes_its_share(tmp_path, monkeypatch, rank):
    monkeypatch.setattr(context, "rank", rank)
    monkeypatch.setattr(context, "world_size", 3)
    nets = [(write_net("train", [5, 2, 8], 4, True), TRAIN), (write_net("test", [5, 2], 3, True), TEST)]
    compare(tmp_path, nets, [(0, 3), (1, 4), (0, 20), (1, 4)])


def test_all_kinds_of_numbers(tmp_path):
    kinds = [("f8", "i8"), ("f2", ">i4"), (">f4", "u2"), ("i4", "f8")]
    nets = [(write_net(f"net{i}", [6, 5], 4, True, pair), TRAIN) for i, pair in enumerate(kinds)]
    compare(tmp_path, nets, [(number, 6) for number in range(len(kinds))])
