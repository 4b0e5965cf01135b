import warnings

import numpy as np
import pytest

from cellseg.errors import CellsegError
from cellseg.simcep import Options, simulate

BOTH = {"cell_obj.cytoplasm.include": 1, "cell_obj.subcell.include": 1, "population.overlap_obj": 2}
# Drawn from seed 123 by NumPy 1.19 and 2.4 alike.
GOLDEN_CYTOPLASM = [[57, 214, 1547], [49, 129, 1953], [111, 77, 1530], [102, 164, 1794], [78, 105, 2138]]
GOLDEN_MEANS = [425921, 317765, 332831]


@pytest.fixture(scope="module")
def whole_cells():
    return simulate(Options().replace({**BOTH, "population.N": 12, "population.template": (150, 200)}), 4)


def test_nuclei_only_is_one_channel():
    result = simulate(Options().replace({"population.N": 20, "population.template": (120, 90)}), 1)
    assert result.channels == ("nuclei",) and result.image.shape == result.ideal.shape == (120, 90, 1)
    assert result.image.dtype == np.float64 and result.image.min() >= 0 and result.image.max() <= 1
    assert np.array_equal(result.nuclei, result.image[..., 0])
    assert result.counts.shape == result.label_planes.shape == (120, 90, 3)
    assert result.mask.dtype == bool and result.labels.dtype == np.int32 and result.labels.max() == 20
    with pytest.raises(CellsegError, match="cytoplasm: not in this simulation"):
        result.plane("cytoplasm")


def test_three_channels_in_the_order_of_simcep(whole_cells):
    assert whole_cells.channels == ("cytoplasm", "subcell", "nuclei")
    assert whole_cells.image.shape == (150, 200, 3)
    areas = [(whole_cells.ideal[..., k] > 0).sum() for k in range(3)]
    assert areas[0] > areas[2] > areas[1] > 0
    assert np.array_equal(whole_cells.plane("subcell"), whole_cells.image[..., 1])


def test_counts_labels_and_mask_agree(whole_cells):
    result = whole_cells
    assert np.array_equal(result.mask, result.counts.any(axis=2))
    assert np.array_equal(result.mask, result.labels > 0)
    for k, channel in enumerate(result.channels):
        assert np.array_equal(result.plane_mask(channel), result.counts[..., k] > 0)
        assert np.array_equal(result.plane_labels(channel) > 0, result.plane_mask(channel))
        assert np.array_equal(result.ideal[..., k] > 0, result.counts[..., k] > 0) or channel == "subcell"
        assert len(result.features[channel]) == 12
        if channel != "subcell":
            assert result.features[channel][:, 2].sum() == result.counts[..., k].sum()
    assert np.array_equal(result.features["nuclei"][:, :2], result.features["cytoplasm"][:, :2])


def test_one_cell_is_where_its_features_say():
    for seed in range(5):
        result = simulate(Options().replace("population.N", 1), seed)
        row, column, area = result.features["nuclei"][0]
        assert area == result.mask.sum() and result.labels.max() == 1 and result.labels[row, column] == 1


def test_the_later_cell_hides_the_earlier():
    result = simulate(Options().replace({"population.N": 30, "population.template": (64, 64)}), 0)
    assert result.counts.max() > 2
    _row, _column, area = result.features["nuclei"][-1]
    assert (result.labels == 30).sum() == area
    assert any(
        (result.labels == number + 1).sum() < features[2] for number, features in enumerate(result.features["nuclei"])
    )


def test_overlaps_hold_the_mean():
    result = simulate(Options().replace({"population.N": 60, "population.template": (64, 64)}), 0)
    inside = result.counts[..., 2] > 0
    assert result.ideal.max() <= 1 and (result.ideal[inside] >= 0.2 - 1e-12).all()
    crowded = result.ideal[..., 0][result.counts[..., 2] > 8]
    assert crowded.mean() == pytest.approx(0.6, abs=0.05) and crowded.std() < 0.08


@pytest.mark.parametrize("changes", [{}, {**BOTH, "cell_obj.subcell.include": 0, "cell_obj.cytoplasm.radius": 15}])
def test_without_overlap_no_two_cells_share_a_pixel(changes):
    options = Options().replace({**changes, "population.N": 40, "population.overlap": 0, "population.clustprob": 0.5})
    tested = 0 if changes else 2
    for seed in range(3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = simulate(options, seed)
        assert result.counts[..., tested].max() == 1
        assert len(result.features["nuclei"]) > 10


def test_the_same_seed_gives_the_same_bytes():
    options = Options().replace({"population.N": 10, "population.template": (64, 80)})
    one, two, other = (simulate(options, seed) for seed in (5, 5, 6))
    for name in ("image", "ideal", "counts", "labels", "label_planes", "mask"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
    assert one.image.tobytes() != other.image.tobytes()
    assert simulate(options, np.random.RandomState(5)).image.tobytes() == one.image.tobytes()
    assert simulate(options, [5, 0]).image.tobytes() != simulate(options, [5, 1]).image.tobytes()


def test_a_random_state_moves_on():
    rng = np.random.RandomState(0)
    options = Options().replace({"population.N": 3, "population.template": (64, 64)})
    assert simulate(options, rng).image.tobytes() != simulate(options, rng).image.tobytes()


def test_global_random_state_is_left_alone():
    np.random.seed(0)
    expected = np.random.random_sample()
    np.random.seed(0)
    simulate(Options().replace("population.N", 2), 1)
    assert np.random.random_sample() == expected


def test_every_numpy_draws_the_same():
    result = simulate(Options().replace({**BOTH, "population.N": 5, "population.template": (200, 220)}), 123)
    assert result.features["cytoplasm"].tolist() == GOLDEN_CYTOPLASM
    assert np.rint(1e6 * result.image.mean(axis=(0, 1))).tolist() == pytest.approx(GOLDEN_MEANS, abs=2)


def test_energy_of_the_cytoplasm_sets_the_background():
    base = Options().replace({"population.N": 5, "measurement.autofluorscale": 0, "measurement.ccd": 0})
    for changes, reference in (({}, "nuclei"), (BOTH, "cytoplasm")):
        options = base.replace(changes)
        lit, unlit = (simulate(options.replace("measurement.illumscale", scale), 0) for scale in (0.01, 0))
        cells = np.square(lit.ideal[..., lit.channels.index(reference)]).sum()
        assert np.square(lit.image[..., -1] - unlit.image[..., -1]).sum() == pytest.approx(0.01 * cells, rel=0.01)


def test_no_cells_at_all():
    result = simulate(Options().replace("population.N", 0), 0)
    assert not result.mask.any() and result.labels.max() == 0 and result.features["nuclei"].shape == (0, 3)
    assert result.image.max() < 0.06


def test_one_cell_is_placed_by_default_options_without_arguments():
    result = simulate()
    assert result.image.shape == (256, 256, 1) and len(result.features["nuclei"]) == 40


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "1", None, [], [1, -1]])
def test_bad_seed(seed):
    with pytest.raises(CellsegError, match="seed"):
        simulate(Options(), seed)
