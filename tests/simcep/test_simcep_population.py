import warnings

import numpy as np
import pytest

from cellseg.simcep import Options
from cellseg.simcep.objects import draw_masks, draw_spots, place
from cellseg.simcep.population import TRIES, Occupied, draw_centres, draw_position, overlaps_too_much, populate


def test_positions_are_uniform_without_clusters():
    options = Options().replace("population.template", (40, 90)).population
    rng = np.random.RandomState(0)
    positions = np.array([draw_position(options, None, rng) for _ in range(20000)])
    assert positions.min(axis=0).tolist() == [0, 0] and positions.max(axis=0).tolist() == [39, 89]
    for axis, side in ((0, 40), (1, 90)):
        counts = np.bincount(positions[:, axis], minlength=side)
        assert counts.std() < 2 * np.sqrt(20000 / side)


def test_clusters():
    options = Options().replace({"population.template": (400, 1000), "population.clustprob": 1}).population
    rng = np.random.RandomState(0)
    centres = np.array([[100, 500], [300, 200]])
    positions = np.array([draw_position(options, centres, rng) for _ in range(4000)])
    own = centres[(positions[:, 0] > 200).astype(int)]
    offset = positions - own
    assert offset.mean(axis=0) == pytest.approx([0, 0], abs=3)
    assert offset.std(axis=0) == pytest.approx([0.05 * 400, 0.05 * 1000], rel=0.05)
    assert np.mean(own[:, 0] == 100) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("probability", [0.25, 0.9])
def test_cluster_probability(probability):
    options = Options().replace({"population.clustprob": probability, "population.spatvar": 0}).population
    rng = np.random.RandomState(0)
    centres = np.array([[7, 11]])
    hits = [draw_position(options, centres, rng) == (7, 11) for _ in range(3000)]
    assert np.mean(hits) == pytest.approx(probability, abs=0.03)


def test_cluster_centres_are_pixels_of_the_image():
    options = Options().replace({"population.template": (20, 50), "population.clust": 5000}).population
    centres = draw_centres(options, np.random.RandomState(0))
    assert centres.shape == (5000, 2)
    assert centres.min(axis=0).tolist() == [0, 0] and centres.max(axis=0).tolist() == [19, 49]


@pytest.mark.parametrize("size, first", [(1, 10), (2, 10), (3, 9), (4, 9), (5, 8)])
def test_box_is_centred(size, first):
    inside, kept = place((size, size), 10, 10, (100, 100))
    assert inside == (slice(first, first + size),) * 2 and kept == (slice(0, size),) * 2


def test_box_is_cut_at_the_border():
    inside, kept = place((5, 6), 0, 19, (20, 20))
    assert inside == (slice(0, 3), slice(17, 20)) and kept == (slice(2, 5), slice(0, 3))


def occupied(top, left, height, width):
    return Occupied((slice(top, top + height), slice(left, left + width)), np.ones((height, width), bool))


@pytest.mark.parametrize("limit, too_much", [(0.19, True), (0.21, False), (0, True), (1, False)])
def test_overlap_limit_holds_for_either_area(limit, too_much):
    small, large = occupied(0, 0, 5, 10), occupied(4, 0, 50, 10)  # they share 10 pixels: a fifth of the small one
    assert overlaps_too_much(50, small, [large], limit) is too_much
    assert overlaps_too_much(500, large, [occupied(90, 90, 5, 5), small], limit) is too_much


def test_touching_is_no_overlap():
    assert not overlaps_too_much(50, occupied(0, 0, 5, 10), [occupied(5, 0, 5, 10), occupied(0, 10, 5, 5)], 0)


def test_new_area_counts_what_is_outside_the_image():
    new = occupied(0, 0, 5, 10)
    assert overlaps_too_much(50, new, [occupied(4, 0, 50, 10)], 0.15)
    assert not overlaps_too_much(100, new, [occupied(4, 0, 50, 10)], 0.15)


def test_overlap_of_every_pair_is_limited():
    options = Options().replace({"population.template": (128, 128), "population.N": 25, "population.overlap": 0.2})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cells = populate(options, np.random.RandomState(0))
    masks = np.zeros((len(cells), 128, 128), bool)
    for mask, cell in zip(masks, cells):
        count = cell.objects["nuclei"].count
        inside, kept = place(count.shape, cell.row, cell.column, (128, 128))
        mask[inside] = count[kept] > 0
    whole = [cell.objects["nuclei"].count.sum() for cell in cells]
    shares = [
        max(np.sum(masks[i] & masks[j]) / masks[j].sum(), np.sum(masks[i] & masks[j]) / whole[i])
        for i in range(len(cells))
        for j in range(i)
    ]
    assert len(cells) > 15 and 0.1 < max(shares) <= 0.2


def test_full_image_ends_with_a_warning():
    options = Options().replace({"population.template": (64, 64), "population.N": 100, "population.overlap": 0})
    with pytest.warns(UserWarning, match=f"of 100 cells.*{TRIES} tries"):
        cells = populate(options, np.random.RandomState(0))
    assert 3 <= len(cells) < 20


def test_unreachable_place_ends_too(monkeypatch):
    tries = []
    monkeypatch.setattr("cellseg.simcep.population.draw_position", lambda *_: tries.append(1) or (-1, 5))
    with pytest.warns(UserWarning, match="full after 0"):
        assert populate(Options(), np.random.RandomState(0)) == []
    assert len(tries) == TRIES == 50


def test_a_failed_try_draws_new_outlines(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "cellseg.simcep.population.draw_masks",
        lambda *a: drawn.append(draw_masks(*a)["nuclei"]) or {"nuclei": drawn[-1]},
    )
    options = Options().replace({"population.template": (64, 64), "population.N": 6, "population.overlap": 0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cells = populate(options, np.random.RandomState(0))
    assert len(drawn) > len(cells)
    assert len({(mask.shape, mask.tobytes()) for mask in drawn}) == len(drawn)


def test_nucleus_and_cytoplasm_are_drawn_independently():
    cell = (
        Options()
        .replace(
            {"cell_obj.cytoplasm.include": 1, "cell_obj.nucleus.radius": 25, "cell_obj.nucleus.shape": (0.3, 0.05)}
        )
        .cell_obj
    )
    masks = draw_masks(cell, np.random.RandomState(0))
    assert sorted(masks) == ["cytoplasm", "nuclei"]
    assert masks["cytoplasm"].tobytes() != masks["nuclei"].tobytes()


def test_spots():
    options = Options().replace({"cell_obj.cytoplasm.include": 1, "cell_obj.subcell.include": 1})
    mask = np.zeros((50, 60), bool)
    mask[20:30, 20:40] = True
    rng = np.random.RandomState(0)
    areas = []
    for _ in range(100):
        spots = draw_spots(mask, options.cell_obj, rng)
        assert spots.count.shape == mask.shape and not spots.count[:17].any() and not spots.count[:, 43:].any()
        assert not spots.intensity[spots.count == 0].any()
        assert (spots.intensity <= spots.count + 1e-12).all()
        areas.append(spots.count.sum())
    assert np.mean(areas) == pytest.approx(4 * np.pi * 2.5**2, rel=0.05)


def test_spot_options_take_effect():
    options = Options().replace(
        {
            "cell_obj.cytoplasm.include": 1,
            "cell_obj.subcell.include": 1,
            "cell_obj.subcell.radius": 5,
            "cell_obj.subcell.ns": 1,
        }
    )
    areas = [
        draw_spots(np.eye(60, dtype=bool)[10:-10], options.cell_obj, np.random.RandomState(seed)).count.sum()
        for seed in range(100)
    ]
    assert np.mean(areas) == pytest.approx(np.pi * 25, rel=0.1)
