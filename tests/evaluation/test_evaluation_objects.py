import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from cellseg.evaluation.objects import IOU_THRESHOLDS, Overlaps, count_matches, matches, object_scores, overlaps
from cellseg.evaluation.record import ImageScores
from cellseg.evaluation.scores import image_scores, score
from cellseg.images.masks import components


def mask(*boxes, side=40):
    """The connected components of a mask of rectangles (top, left, height, width)."""
    plane = np.zeros((side, side), bool)
    for top, left, height, width in boxes:
        plane[top : top + height, left : left + width] = True
    return components(plane)


def test_scores_of_an_example_computed_by_hand():
    """First image: IoU 1, IoU 80 / 120 = 2 / 3, a miss and a false alarm. Second image: IoU 40 / 100 = 0.4 only."""
    truths = [mask((0, 0, 10, 10), (20, 0, 10, 10), (20, 20, 5, 5)), mask((0, 0, 10, 10))]
    founds = [mask((0, 0, 10, 10), (20, 2, 10, 10), (0, 20, 3, 3)), mask((0, 0, 4, 10), (20, 20, 6, 6), (30, 30, 2, 2))]
    scores = object_scores(truths, founds)
    assert scores.precision == 2 / 6 and scores.recall == 2 / 4 and scores.f1 == 4 / 10
    # 2 matches up to 0.65 (4 thresholds), 1 from 0.70 on (6 thresholds); 6 found and 4 true objects
    assert scores.ap == pytest.approx((4 * 2 / 8 + 6 * 1 / 9) / 10)
    assert scores.count_error == 1.0 and scores.count_bias == 1.0  # 3 for 3, 3 for 1
    assert scores.f1_75 == scores.f1_90 == 2 / 10 and scores.mean_f1 == pytest.approx((4 * 4 / 10 + 6 * 2 / 10) / 10)


def test_f1_at_075_and_at_09_are_those_at_these_ious():
    truth = mask((0, 0, 10, 10), (20, 0, 10, 10), (0, 20, 10, 10))
    found = mask((0, 0, 10, 9), (20, 0, 10, 8), (0, 20, 10, 7))  # IoU 0.9, 0.8, 0.7
    scores = object_scores([truth], [found])
    assert (scores.f1, scores.f1_75, scores.f1_90) == (1, 2 / 3, 1 / 3)


def test_error_and_bias_of_the_count_differ_where_errors_cancel():
    one, three = mask((0, 0, 5, 5)), mask((0, 0, 5, 5), (10, 0, 5, 5), (20, 0, 5, 5))
    scores = object_scores([one, three], [three, one])
    assert scores.count_error == 2 and scores.count_bias == 0
    assert object_scores([three], [one]).count_bias == -2


def test_an_iou_of_exactly_the_threshold_is_a_match():
    counts = count_matches(mask((0, 0, 10, 10)), mask((0, 0, 11, 10)))  # 100 / 110
    assert counts[:, 0].tolist() == [1] * 9 + [0]
    counts = count_matches(mask((0, 0, 20, 10)), mask((0, 0, 11, 10)))  # 110 / 200 = 0.55
    assert counts[:2].tolist() == [[1, 0, 0], [1, 0, 0]] and counts[2:, 0].sum() == 0


def test_one_cell_found_in_two_halves_counts_once():
    truth = mask((0, 0, 10, 10)).astype(int)
    halves = truth.copy()
    halves[5:10, :10] = 2
    pairs = overlaps(truth, halves)
    assert sorted(pairs.iou) == [0.5, 0.5] and matches(pairs, 0.5) == 1
    both_ways = [
        np.concatenate([a, np.where(b, b + shift, 0)]) for a, b, shift in ((truth, halves, 1), (halves, truth, 2))
    ]
    pairs = overlaps(*both_ways)
    assert (pairs.cells, pairs.objects) == (3, 3) and matches(pairs, 0.5) == 2


def test_as_many_matches_as_possible():
    """Object 1 fits both found ones, the better of which is the only one that fits object 2."""
    pairs = Overlaps(np.array([1, 1, 2]), np.array([1, 2, 1]), np.array([0.9, 0.6, 0.7]), 2, 2)
    assert matches(pairs, 0.5) == 2 and matches(pairs, 0.65) == 1 and matches(pairs, 0.95) == 0


def test_touching_corners_are_one_object():
    assert count_matches(mask((0, 0, 5, 5), (5, 5, 5, 5)), mask())[0].tolist() == [0, 0, 1]


def test_counts_equal_those_of_the_whole_iou_matrix():
    """Against stardist's definition, written out over all pairs of objects."""
    rng = np.random.RandomState(0)
    truth = mask(*[(*rng.randint(0, 90, 2), *rng.randint(4, 10, 2)) for _ in range(40)], side=100)
    found = components((np.roll(truth, 1, axis=1) > 0) ^ (rng.uniform(size=truth.shape) < 0.01))
    trues, founds = ([plane == n for n in range(1, plane.max() + 1)] for plane in (truth, found))
    iou = np.array([[(a & b).sum() / (a | b).sum() for b in founds] for a in trues])
    counts = count_matches(truth, found)
    assert 0 < counts[4, 0] < counts[0, 0]
    for threshold, (tp, fp, fn) in zip(IOU_THRESHOLDS, counts):
        chosen = linear_sum_assignment(-(iou >= threshold).astype(float) - iou / (2 * min(iou.shape)))
        expected = (iou[chosen] >= threshold).sum()
        assert (tp, fp, fn) == (expected, len(founds) - expected, len(trues) - expected)


@pytest.mark.parametrize("truth, found", [(mask(), mask()), (mask((0, 0, 5, 5)), mask()), (mask(), mask((0, 0, 5, 5)))])
def test_images_without_cells(truth, found):
    scores = object_scores([truth], [found])
    assert (scores.precision is None) == (not found.any())
    assert (scores.recall is None) == (not truth.any())
    assert scores.ap == (0 if truth.any() or found.any() else None)
    assert scores.count_bias == int(found.any()) - int(truth.any())
    json.dumps(asdict(score([truth], [found > 0])), allow_nan=False)
    json.dumps(asdict(*image_scores(["empty"], [truth], [found > 0])), allow_nan=False)


def test_a_badly_classified_image_shows_in_the_median_and_by_name():
    """Pooled figures hide it."""
    truth = mask((0, 0, 10, 10))
    truths, founds = [truth] * 3, [truth > 0, np.roll(truth, 25) > 0, np.roll(truth, 25) > 0]
    scores = score(truths, founds)
    rows = image_scores(["good", "bad", "worse"], truths, founds)
    assert scores.median_mcc == rows[1].mcc < 0 < scores.mcc < rows[0].mcc == 1
    assert rows[0] == ImageScores(name="good", tp=100, fp=0, tn=1500, fn=0, mcc=1.0, cells=1, found=1)


def test_touching_cells_are_told_apart_where_the_truth_numbers_them():
    truth = mask((0, 0, 10, 20), (20, 0, 10, 10))
    truth[:10, 10:20] = 3
    found = truth > 0
    joined, split = (score([truth], [found], cells, numbered=True).objects for cells in (None, [truth * 5]))
    assert joined.numbered and (joined.precision, joined.recall, joined.count_bias) == (1, 2 / 3, -1)
    assert split.numbered and split.f1 == split.mean_f1 == 1 and split.count_error == 0
    (row,) = image_scores(["one"], [truth], [found], [truth * 5], numbered=True)
    assert row.cells == row.found == 3


def test_components_are_compared_with_components_where_the_truth_numbers_none():
    truth = mask((0, 0, 10, 20))
    halves = truth.copy()
    halves[:10, 10:20] = 2
    objects = score([truth], [truth > 0], [halves]).objects
    assert not objects.numbered and objects.f1 == 1 and objects.count_error == 0
    assert image_scores(["one"], [truth], [truth > 0], [halves])[0].found == 1
