"""The fork of squeeze-and-excitation networks: Axpy."""

from cellseg.engine.layers.base import EVERYTHING, Layer, shown

ABOUT = "SENet"
FIELDS = ""


class Axpy(Layer):
    """``a * x + y``: the first bottom has one number for each image and channel of the other two."""

    BOTTOMS = (3, 3)
    MAY_BE_IN_PLACE = BACKWARD_NEEDS_TOPS = False

    def reshape(self, bottom_shapes):
        factors, x, y = bottom_shapes
        if len(x) < 2 or x != y or factors[:2] != x[:2] or any(side != 1 for side in factors[2:]):
            shapes = ", ".join(map(shown, bottom_shapes))
            self.fail(f"takes factors NxC and two bottoms NxCxHxW of one shape, not {shapes}")
        return [x]

    def sees(self, axis, low, high, top=0):
        return [EVERYTHING, (low, high), (low, high)]

    def onnx(self, graph, bottoms, tops):
        factors, x, y = bottoms
        spread = graph.reshaped(factors, [(0, 2), *[1] * (graph.rank(x) - 2)])
        graph.node("Add", [graph.node("Mul", [spread, x], f"{tops[0]}/product"), y], tops[0])

    def compute(self, bottoms, weights):
        factors, x, y = bottoms
        return [factors.reshape(*x.shape[:2], *[1] * (x.dim() - 2)) * x + y]
