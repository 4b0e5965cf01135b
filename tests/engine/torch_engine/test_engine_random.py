"""The two random streams: known values, an independent and slower way to the same numbers, states."""

import ctypes
import json
import math
import sys
import time

import numpy as np
import pytest

from cellseg.engine.torch import ziggurat
from cellseg.engine.torch.random import CRand, MersenneTwister
from cellseg.errors import CellsegError


def test_words_are_those_of_the_published_generator():
    random = MersenneTwister(5489)
    assert random.raw(10000)[-1] == 4123659995  # the C++ standard's check for mt19937
    first = MersenneTwister(1).raw(3)
    assert first.dtype == np.uint32 and first.tolist() == [1791095845, 4282876139, 3093770124]
    np.testing.assert_array_equal(MersenneTwister(2**32 + 1).raw(3), first)
    assert MersenneTwister().raw(4).tolist() != MersenneTwister().raw(4).tolist()


def test_the_curves_are_cut_into_layers_of_equal_area():
    for layers, curve in (
        (ziggurat._normal_layers(), lambda x: math.exp(-x * x / 2)),
        (ziggurat._exponential_layers(), lambda x: math.exp(-x)),
    ):
        heights = [curve(x) for x in layers.x[1:].astype(float)]
        np.testing.assert_allclose(layers.y[1:], heights, rtol=2e-5)
        areas = layers.x[:-1].astype(float) * np.diff([0, *heights])
        np.testing.assert_allclose(areas, areas[-1], rtol=2e-5)
        assert layers.x[-1] == 0 and layers.y[-1] == 1


def test_uniform_numbers_fill_their_range():
    numbers = MersenneTwister(3).uniform(100000, -0.25, 0.75)
    assert numbers.dtype == np.float32 and -0.25 <= numbers.min() < -0.2499 and 0.7499 < numbers.max() <= 0.75
    assert abs(numbers.mean() - 0.25) < 0.005
    words = MersenneTwister(3).raw(100000).astype(np.float64) / 2**32 - 0.25
    np.testing.assert_allclose(numbers, words, atol=1e-7)
    assert set(MersenneTwister(3).uniform(50, 2, 2)) == {np.float32(2)}
    assert np.isfinite(MersenneTwister(3).uniform(50, -3.4e38, 3.4e38)).all()


def test_a_word_that_rounds_to_the_end_is_drawn_again():
    class Words(MersenneTwister):
        words = [2**32 - 1, 0, 2**32 - 2, 2**31, 5]

        def raw(self, n):
            taken, self.words = self.words[:n], self.words[n:]
            return np.array(taken, dtype=np.uint32)

    random = Words(0)
    ends = random._below(2, np.float32(0), np.float32(1))
    assert ends.tolist() == [0, 0.5] and random.words == [5]


def test_normal_numbers_are_normal():
    numbers = MersenneTwister(5).gaussian(1000000, 0, 1).astype(np.float64)
    edges = [-math.inf, -3.5, -3, -2, -1, -0.25, 0, 0.25, 1, 2, 3, 3.5, math.inf]
    found = np.histogram(numbers, edges)[0]
    below = [0.5 * math.erfc(-edge / math.sqrt(2)) for edge in edges]
    expected = np.diff(below) * len(numbers)
    assert ((found - expected) ** 2 / expected).sum() < 35  # chi-square of 11 degrees of freedom: 1 in 4000
    scaled = MersenneTwister(5).gaussian(1000, 2, 0.5)
    np.testing.assert_array_equal(scaled, numbers[:1000].astype(np.float32) * np.float32(0.5) + np.float32(2))


def test_normal_numbers_are_those_that_real_caffe_gave():
    numbers = [
        -0.10926592350006104,
        -1.6719402074813843,
        -0.20477624237537384,
        -0.5271481275558472,
        -1.2934644222259521,
    ]
    assert MersenneTwister(1701).gaussian(5, 0, 1).tolist() == numbers


class OneByOne:
    """Normal numbers in the plainest way, word after word."""

    def __init__(self, words):
        self.words, self.used = words.tolist(), 0
        self.normal, self.exponential = ziggurat._normal_layers(), ziggurat._exponential_layers()

    def all(self):
        numbers, ends = [], []
        try:
            while True:
                number = self.attempt()
                if number is not None:
                    numbers.append(number)
                    ends.append(self.used)
        except IndexError:
            return np.array(numbers, dtype=np.float32), np.array(ends, dtype=int)

    def attempt(self):
        word = self.word()
        layer, sign = word % 256 // 2, word % 2 * 2 - 1
        x = np.float32(word // 256) * np.float32(2**-24) * self.normal.x[layer]
        if x < self.normal.x[layer + 1]:
            return x * sign
        if layer == 0:
            return self.tail() * sign
        return x * sign if self.height(self.normal, layer) < np.exp(-x * x / 2) else None

    def tail(self):
        while True:
            x, y = self.exponential_number() / self.normal.x[1], self.exponential_number()
            if 2 * y > x * x:
                return x + self.normal.x[1]

    def exponential_number(self):
        shift = np.float32(0)
        while True:
            word = self.word()
            layer, x = word % 256, np.float32(word // 256) * np.float32(2**-24) * self.exponential.x[word % 256]
            if x < self.exponential.x[layer + 1]:
                return x + shift
            if layer == 0:
                shift += self.exponential.x[1]
            elif self.height(self.exponential, layer) < np.exp(-x):
                return x + shift

    def height(self, layers, layer):
        number = np.float32(1)
        while not number < 1:
            number = np.float32(self.word()) * np.float32(2**-32)
        return layers.y[layer] + number * layers.height[layer]

    def word(self):
        self.used += 1
        return self.words[self.used - 1]


def rare_words(seed, count):
    """Words of which most do not lie under the curve at once: in wedges, in the tail, too large for a fraction."""
    random = np.random.RandomState(seed)
    words = random.randint(2**32 - 2**28, 2**32, count, dtype=np.uint64)
    words = np.where(random.rand(count) < 0.2, random.randint(2**32 - 3, 2**32, count, dtype=np.uint64), words)
    words = np.where(random.rand(count) < 0.4, random.randint(2**20, 2**32, count, dtype=np.uint64), words)
    lowest = random.rand(count) < 0.2
    return np.where(lowest, words & 0xFFFFFF01, words).astype(np.uint32)


@pytest.mark.parametrize("words", [MersenneTwister(8).raw(100000), rare_words(1, 20000)], ids=["usual", "rare"])
def test_all_words_at_once_and_one_by_one_give_the_same(words):
    numbers, ends = ziggurat.normal(words)
    plain, plain_ends = OneByOne(words).all()
    np.testing.assert_array_equal(ends, plain_ends)
    assert numbers.tobytes() == plain.tobytes()
    assert np.abs(numbers).max() > ziggurat._normal_layers().x[1]  # the tail was reached


def test_fewer_words_give_the_beginning():
    words = rare_words(2, 400)
    numbers, ends = ziggurat.normal(words)
    for count in range(len(words) + 1):
        part, part_ends = ziggurat.normal(words[:count])
        whole = int((ends <= count).sum())
        np.testing.assert_array_equal(part, numbers[:whole])
        np.testing.assert_array_equal(part_ends, ends[:whole])


def test_the_stream_goes_on_where_the_last_number_ended():
    together, apart = MersenneTwister(9), MersenneTwister(9)
    numbers = together.gaussian(3000, 0, 1)
    pieces = [apart.gaussian(n, 0, 1) for n in (0, 1, 2, 997, 2000)]
    np.testing.assert_array_equal(np.concatenate(pieces), numbers)
    assert apart.state() == together.state()
    np.testing.assert_array_equal(apart.raw(3), together.raw(3))


def test_bernoulli_compares_words_with_the_probability():
    trials = MersenneTwister(2).bernoulli(100000, 0.3)
    assert trials.dtype == bool and abs(trials.mean() - 0.3) < 0.006
    np.testing.assert_array_equal(trials, MersenneTwister(2).raw(100000) / 2**32 <= np.float32(0.3))
    random = MersenneTwister(2)
    assert not random.bernoulli(5, 0).any() and random.state() == MersenneTwister(2).state()
    assert random.bernoulli(5, 1).all()


@pytest.mark.parametrize(
    "draw",
    [
        lambda random: random.uniform(3, 1, 0),
        lambda random: random.uniform(3, 0, math.inf),
        lambda random: random.uniform(3, math.nan, 1),
        lambda random: random.uniform(3, 0, 1e39),
        lambda random: random.gaussian(3, 0, 0),
        lambda random: random.gaussian(3, 0, -1),
        lambda random: random.gaussian(3, 0, math.nan),
        lambda random: random.bernoulli(3, 1.5),
        lambda random: random.bernoulli(3, math.nan),
        lambda random: random.set_state({}),
        lambda random: random.set_state({"key": "AAAA", "position": 3}),
        lambda random: random.set_state({**random.state(), "position": 1000}),
        lambda random: CRand().set_state({"words": [1, 2]}),
        lambda random: CRand().set_state({"words": [2**32] * 31}),
        lambda random: CRand().set_state({"words": [None] * 31}),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_draws_nothing(draw):
    random = MersenneTwister(1)
    with pytest.raises(CellsegError) as refused:
        draw(random)
    assert len(str(refused.value).splitlines()) == 1
    assert random.state() == MersenneTwister(1).state()


def test_states_go_through_json():
    random, rand = MersenneTwister(4), CRand()
    random.gaussian(777, 0, 1)
    rand.draw(777)
    states = json.loads(json.dumps([random.state(), rand.state()]))
    expected = random.gaussian(9, 0, 1).tolist(), rand.draw(9).tolist()
    other, other_rand = MersenneTwister(1), CRand(5)
    other.set_state(states[0])
    other_rand.set_state(states[1])
    assert (other.gaussian(9, 0, 1).tolist(), other_rand.draw(9).tolist()) == expected


def test_rand_gives_the_numbers_of_the_c_library():
    assert CRand().draw(5).tolist() == [1804289383, 846930886, 1681692777, 1714636915, 1957747793]
    pieces, rand = CRand(), CRand()
    found = [pieces.next(), *pieces.draw(2047), *pieces.draw(0), *pieces.draw(30), pieces.next(), *pieces.draw(5000)]
    assert found == rand.draw(7079).tolist()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="compares with glibc")
@pytest.mark.parametrize("seed", [1, 0, 42, 2**31 + 5, 2**32 - 1])
def test_rand_is_glibcs(seed):
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        pytest.skip("not glibc")
    library.srand(ctypes.c_uint(seed))
    assert CRand(seed).draw(5000).tolist() == [library.rand() for _ in range(5000)]


def test_shuffle():
    rand, items = CRand(), list(range(7))
    rand.shuffle(items)
    assert items == [4, 3, 1, 6, 0, 5, 2]
    for few in ([], ["one"]):
        rand.shuffle(few)
    other = CRand()
    other.draw(6)
    assert rand.next() == other.next()  # one number an item but the first


def test_speed():
    random, rand, rows = MersenneTwister(1), CRand(), list(range(100000))
    random.gaussian(10, 0, 1)
    rand.draw(10)
    start = time.perf_counter()
    random.gaussian(1000000, 0, 1)
    middle = time.perf_counter()
    rand.shuffle(rows)
    end = time.perf_counter()
    print(f"a million normal numbers: {middle - start:.3f} s; 100000 rows shuffled: {end - middle:.3f} s")
    assert middle - start < 2 and end - middle < 0.6  # 0.06 and 0.02 on an idle core
