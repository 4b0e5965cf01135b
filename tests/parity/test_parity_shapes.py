"""Blob shapes for heights and widths from 1 to 40, over a spread of windows: those of real Caffe, or both refuse."""

import random
from collections import defaultdict

import pytest
from caffe_server import CaffeServer, Refused

from cellseg.engine import prototxt
from cellseg.engine.caffe_schema import LayerParameter
from cellseg.engine.layers import make
from cellseg.errors import CellsegError

CHANNELS = 2
SIDES = range(1, 41)
INPUT = f'layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: [1, {CHANNELS}, %d, %d] }} }} }}\n'


def window(rng, kind):
    """The fields of a random Convolution, Deconvolution or Pooling."""
    kernel = [rng.choice([1, 2, 3, 3, 4, 5, 7]) for _ in range(2)]
    pad = [rng.randrange(0, min(side, 4)) for side in kernel]
    stride = [rng.choice([1, 1, 2, 2, 3, 4]) for _ in range(2)]
    if kind == "Pooling":
        # A window that begins beyond the image would make Caffe write beyond its memory.
        stride = [min(pair) for pair in zip(stride, kernel)]
    fields = "".join(
        f"{name}_h: {pair[0]} {name}_w: {pair[1]} "
        for name, pair in (("kernel", kernel), ("pad", pad), ("stride", stride))
    )
    if kind == "Pooling":
        return (
            f"pooling_param {{ {fields} pool: {rng.choice(['MAX', 'AVE'])} {rng.choice(['', 'round_mode: FLOOR'])} }}"
        )
    dilation = f"dilation: {rng.choice([1, 1, 2, 3])} dilation: {rng.choice([1, 1, 2, 3])}"
    return f"convolution_param {{ {fields} {dilation} num_output: 1 bias_term: false }}"


def spread():
    """Texts of layers on "x", and of Crops of "x" to the sizes of those; by name of layer and top."""
    rng = random.Random(0)
    texts = {}
    for kind in ("Convolution", "Deconvolution", "Pooling"):
        for number in range(30):
            name = f"{kind.lower()}{number}"
            texts[name] = f'name: "{name}" type: "{kind}" bottom: "x" top: "{name}" {window(rng, kind)}'
    for number, like in enumerate(list(texts)[::3]):
        offset = rng.choice(["", "offset: 1", "offset: 0 offset: 2", "offset: 3"])
        name = f"crop{number}"
        texts[name] = (
            f'name: "{name}" type: "Crop" bottom: "x" bottom: "{like}" top: "{name}" crop_param {{ axis: 2 {offset} }}'
        )
    return texts


class Ours:
    """Shapes by the embedded engine's layers, None where they refuse."""

    def __init__(self, texts):
        self.parameters = {name: prototxt.parse(text, LayerParameter, name) for name, text in texts.items()}
        self.layers = {name: make(parameter, 0) for name, parameter in self.parameters.items()}
        for layer in self.layers.values():
            layer.setup([(1, CHANNELS, 40, 40)] * len(layer.parameter.bottom))

    def shapes(self, height, width):
        found = {"x": (1, CHANNELS, height, width)}
        for name, layer in self.layers.items():
            bottoms = [found[bottom] for bottom in layer.parameter.bottom]
            try:
                found[name] = tuple(layer.reshape(bottoms)[0]) if all(bottoms) else None
            except CellsegError:
                found[name] = None
        return found


@pytest.fixture(scope="module")
def both():
    texts = spread()
    ours = Ours(texts)
    with CaffeServer() as caffe:
        yield caffe, texts, {(h, w): ours.shapes(h, w) for h in SIDES for w in SIDES}


def text_of(names, texts, height, width):
    return INPUT % (height, width) + "".join(f"layer {{ {texts[name]} }}\n" for name in names)


def test_shapes_are_caffes(both):
    caffe, texts, ours = both
    groups = defaultdict(list)  # layers that take an image of this size: sizes
    for size, shapes in ours.items():
        groups[tuple(name for name in texts if shapes[name])].append(size)
    compared = 0
    for names, sizes in groups.items():
        theirs = caffe.shapes(text_of(names, texts, *sizes[0]), [(1, CHANNELS, *size) for size in sizes])
        for size, shapes in zip(sizes, theirs):
            expected = {name: ours[size][name] for name in ("x", *names)}
            shapes = {name: shape for name, shape in shapes.items() if name in expected}
            assert shapes == expected, {name: size for name in names if shapes[name] != expected[name]}
            compared += len(shapes) - 1
    print(f"{compared} shapes of {len(texts)} layers for {len(ours)} sizes: the same; {len(groups)} nets")
    assert compared > 0.7 * len(texts) * len(ours)


def test_what_we_refuse_caffe_refuses(both):
    caffe, texts, ours = both
    refused = 0
    for name, text in texts.items():
        bottoms = prototxt.parse(text, LayerParameter, name).bottom
        sizes = [size for size, shapes in ours.items() if not shapes[name] and all(shapes[b] for b in bottoms)]
        if not sizes:
            continue
        for size in {min(sizes), max(sizes, key=sum), max(sizes), max(sizes, key=lambda size: size[::-1])}:
            with pytest.raises(Refused):
                caffe.run(text_of([*bottoms[1:], name], texts, *size), backward=False)
                pytest.fail(f"Caffe takes {size} for {text}")
            refused += 1
    print(f"{refused} layers on images of a size that they do not take: both refuse")
    assert refused > 50
