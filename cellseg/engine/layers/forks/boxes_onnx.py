"""The boxes of detectors as ONNX nodes: prior boxes, the choice among them, and pooling of regions by position."""

import numpy as np


class _Nodes:
    """Adds nodes for one top, with names of their own."""

    def __init__(self, graph, top):
        self.graph, self._top, self._many = graph, top, 0

    def __call__(self, operation, *inputs, out=None, **attributes):
        """Add a node; inputs that are numbers or arrays become constants. Gives the name of its output."""
        names = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        return self.graph.node(operation, names, out or self._name(), **attributes)

    def constant(self, values):
        values = np.asarray(values)
        return self.graph.constant(self._name(), values.astype(np.int64 if values.dtype.kind in "iu" else values.dtype))

    def shape(self, value, start, end):
        return self("Shape", value, start=start, end=end)

    def joined(self, *parts, out=None, axis=0):
        return self("Concat", *parts, out=out, axis=axis)

    def _name(self):
        self._many += 1
        return f"{self._top}/{self._many}"


def prior_boxes(layer, graph, bottoms, top):
    """Nodes of a PriorBox."""
    add, p = _Nodes(graph, top), layer.parameter.prior_box_param
    middles, image = [], []
    for axis in (0, 1):  # rows, columns
        many = add.shape(bottoms[0], 2 + axis, 3 + axis)
        side = np.float32([layer.image[axis]])
        if not all(layer.image):
            side = add("Cast", add.shape(bottoms[1], 2 + axis, 3 + axis), to=graph.FLOAT)
        step = np.float32([layer.steps[axis]])
        if not all(layer.steps):
            step = add("Div", side, add("Cast", many, to=graph.FLOAT))
        numbers = add("Range", np.array(0), add("Squeeze", many, np.array([0])), np.array(1))
        numbers = add("Add", add("Cast", numbers, to=graph.FLOAT), np.float32([p.offset]))
        middles.append(add("Mul", numbers, step))
        image.append((many, side))
    (rows, height), (columns, width) = image
    half = (layer.sizes / 2).astype(np.float32)  # height and width of each box
    y = add("Unsqueeze", middles[0], np.array([1, 2]))
    x = add("Unsqueeze", middles[1], np.array([0, 2]))
    whole = add.joined(rows, columns, np.array([len(half)]))
    sides = []
    for operation in ("Sub", "Add"):
        for middle, part, size in ((x, half[:, 1], width), (y, half[:, 0], height)):
            edge = add("Div", add(operation, middle, part), size)
            sides.append(add("Unsqueeze", add("Expand", edge, whole), np.array([3])))
    boxes = add("Reshape", add.joined(*sides, axis=3), np.array([1, 1, -1]))
    if p.clip:
        boxes = add("Clip", boxes, np.float32(0), np.float32(1))
    variances = np.broadcast_to(np.array(p.variance or [0.1], np.float32), (1, 1, 1, 4))
    variances = add("Expand", variances, add.joined(whole, np.array([1])))
    add.joined(boxes, add("Reshape", variances, np.array([1, 1, -1])), out=top, axis=1)


def detections(layer, graph, bottoms, top):
    """Nodes of a DetectionOutput: boxes of each image and class as a batch of their own, best ones first.

    What is kept is marked in an array (images, classes * boxes), whose order is that of the rows.
    """
    add, p = _Nodes(graph, top), layer.parameter.detection_output_param
    if p.nms_param.eta < 1:
        graph.fail(layer, "an nms_param with eta has no ONNX form")
    labels = np.array([label for label in range(p.num_classes) if label != p.background_label_id])
    images = add.shape(bottoms[0], 0, 1)
    boxes = add("Transpose", _all_placed(add, layer, bottoms, images), perm=[0, 2, 1, 3])  # N, places, boxes, 4
    if p.clip:
        boxes = add("Clip", boxes, np.float32(0), np.float32(1))
    scores = add("Reshape", bottoms[1], add.joined(images, np.array([-1, p.num_classes])))
    if len(bottoms) > 3:
        there = add("Reshape", bottoms[3], add.joined(images, np.array([-1, 2])))
        nothing = add("Less", add("Gather", there, np.array([1]), axis=2), np.float32(p.objectness_score))
        background = np.float32(np.arange(p.num_classes) == p.background_label_id)
        scores = add("Where", nothing, background, scores)
    scores = add("Transpose", add("Gather", scores, labels, axis=2), perm=[0, 2, 1])  # N, classes, boxes
    if p.share_location:
        many = add.shape(scores, 2, 3)
        boxes = add("Expand", boxes, add.joined(images, np.array([len(labels)]), many, np.array([4])))
    else:
        boxes = add("Gather", boxes, labels, axis=1)
    best = add.shape(scores, 2, 3)
    if p.nms_param.HasField("top_k") and p.nms_param.top_k > -1:
        best = add("Min", best, np.array([p.nms_param.top_k]))
    scores, order = graph.node("TopK", [scores, best], [f"{top}/scores", f"{top}/order"], axis=2)
    boxes = add("GatherND", boxes, add("Unsqueeze", order, np.array([3])), batch_dims=2)
    kept = add("Reshape", _unsuppressed(add, p, boxes, scores, best), add.joined(images, np.array([-1])))
    flat_scores = add("Reshape", scores, add.joined(images, np.array([-1])))
    if p.keep_top_k > -1:
        least = add("Where", kept, flat_scores, np.float32(-np.inf))
        most = add("Min", add.shape(flat_scores, 1, 2), np.array([p.keep_top_k]))
        _, first = graph.node("TopK", [least, most], [f"{top}/most", f"{top}/first"], axis=1)
        none = add("ConstantOfShape", add("Shape", flat_scores))
        ones = add("Expand", np.float32(1), add("Shape", first))
        chosen = add("Cast", add("ScatterElements", none, first, ones, axis=1), to=9)  # 9: bool
        kept = add("And", kept, chosen)
    _rows(add, labels, kept, flat_scores, boxes, best, images, top)


def _all_placed(add, layer, bottoms, images):
    """The boxes after all their moves: images, boxes, places, 4."""
    both = add("Reshape", bottoms[2], np.array([2, 1, -1, 1, 4]))  # of all images the first's
    boxes, variances = (add("Gather", both, np.array(part), axis=0) for part in (0, 1))
    if len(bottoms) > 4:
        moves = add("Reshape", bottoms[4], add.joined(images, np.array([-1, 1, 4])))
        boxes = _placed(add, layer, moves, boxes, variances)
    moves = add("Reshape", bottoms[0], add.joined(images, np.array([-1, layer.places, 4])))
    return _placed(add, layer, moves, boxes, variances)


def _placed(add, layer, moves, boxes, variances):
    """Boxes after some moves."""
    p = layer.parameter.detection_output_param
    if not p.variance_encoded_in_target:
        moves = add("Mul", moves, variances)
    if p.code_type == layer.CORNER:
        return add("Add", boxes, moves)
    low, high = _halves(add, boxes)
    size = add("Sub", high, low)
    if p.code_type != layer.CENTER_SIZE:
        return add("Add", boxes, add("Mul", moves, add.joined(size, size, axis=-1)))
    shift, growth = _halves(add, moves)
    middle = add("Add", add("Div", add("Add", low, high), np.float32(2)), add("Mul", shift, size))
    half = add("Div", add("Mul", add("Exp", growth), size), np.float32(2))
    return add.joined(add("Sub", middle, half), add("Add", middle, half), axis=-1)


def _halves(add, boxes):
    """The first two and the last two numbers of each box."""
    return [add("Slice", boxes, np.array([start]), np.array([start + 2]), np.array([-1])) for start in (0, 2)]


def _unsuppressed(add, p, boxes, scores, best):
    """Which boxes stay beside the better ones of their image and class: a flat array of truth values."""
    low, high = _halves(add, boxes)
    boxes = add.joined(low, add("Max", low, high), axis=-1)  # one that is turned inside out overlaps none
    batches = add("Reshape", boxes, add.joined(np.array([-1]), best, np.array([4])))
    each = add("Reshape", scores, add.joined(np.array([-1, 1]), best))
    given = [np.float32(min(1, p.nms_param.nms_threshold))]
    given += [np.float32(p.confidence_threshold)] if p.HasField("confidence_threshold") else []
    found = add("NonMaxSuppression", batches, each, best, *given)
    batch, place = (add("Gather", found, np.array(column), axis=1) for column in (0, 2))
    where = add("Add", add("Mul", batch, best), place)
    none = add("ConstantOfShape", add("Shape", add("Reshape", scores, np.array([-1]))))
    ones = add("Expand", np.float32(1), add("Shape", where))
    return add("Cast", add("ScatterElements", none, where, ones), to=9)  # 9: bool


def _rows(add, labels, kept, scores, boxes, best, images, top):
    """Rows of what is kept: image, class, score, box; if nothing is, a row of -1 for each image."""
    where = add("Transpose", add("NonZero", kept), perm=[1, 0])
    image, place = (add("Gather", where, np.array([column]), axis=1) for column in (0, 1))
    label = add("Gather", labels.astype(np.float32), add("Div", place, best))
    box = add("GatherND", add("Reshape", boxes, add.joined(images, np.array([-1, 4]))), where)
    score = add("Unsqueeze", add("GatherND", scores, where), np.array([1]))
    found = add.joined(add("Cast", image, to=add.graph.FLOAT), label, score, box, axis=1)
    numbers = add("Range", np.array(0), add("Squeeze", images, np.array([0])), np.array(1))
    numbers = add("Unsqueeze", add("Cast", numbers, to=add.graph.FLOAT), np.array([1]))
    nothing = add("Expand", np.full((1, 6), -1, np.float32), add.joined(images, np.array([6])))
    nothing = add.joined(numbers, nothing, axis=1)
    empty = add("Equal", add.shape(found, 0, 1), np.array([0]))
    nothing = add("Slice", nothing, np.array([0]), add("Where", empty, images, np.array([0])), np.array([0]))
    add("Unsqueeze", add.joined(found, nothing), np.array([0, 1]), out=top)


def pooled_by_position(layer, graph, bottoms, top):
    """Nodes of a PSROIPooling: means from sums over all pixels above and left, in double precision."""
    add, (rows, columns) = _Nodes(graph, top), layer.grid
    scale = np.float32(layer.parameter.psroi_pooling_param.spatial_scale)
    regions = add("Reshape", bottoms[1], np.array([-1, 5]))
    edges, sides = [], []
    for axis, grid in enumerate((rows, columns)):
        low, high = (_rounded(add, add("Gather", regions, np.array([place]), axis=1)) for place in (2 - axis, 4 - axis))
        start, end = add("Mul", low, scale), add("Mul", add("Add", high, np.float32(1)), scale)
        step = add("Div", add("Max", add("Sub", end, start), np.float32(0.1)), np.float32(grid))
        places = np.arange(grid + 1, dtype=np.float32)[None]
        sides.append(add.shape(bottoms[0], 2 + axis, 3 + axis))
        most = add("Cast", sides[-1], to=graph.FLOAT)
        for operation, part in (("Floor", places[:, :-1]), ("Ceil", places[:, 1:])):
            edge = add(operation, add("Add", add("Mul", step, part), start))
            edge = add("Min", add("Max", edge, np.float32(0)), most)
            edge = add("Unsqueeze", add("Cast", edge, to=graph.INT64), np.array([2 - axis]))
            edges.append(edge)  # regions, rows, 1 or regions, 1, columns
    image = add("Cast", add("Gather", regions, np.array([0]), axis=1), to=graph.INT64)
    cells = add("Mul", add("Unsqueeze", image, np.array([2])), np.array(rows * columns))
    cells = add("Add", cells, np.arange(rows * columns).reshape(1, rows, columns))
    wide = add("Add", sides[1], np.array([1]))
    area = add("Mul", add("Add", sides[0], np.array([1])), wide)
    sums = _sums(add, layer, bottoms[0], area)

    def corner(row, column):
        place = add("Add", add("Mul", row, wide), column)
        return add("Gather", sums, add("Add", add("Mul", cells, area), place), axis=0)

    first, last, left, right = edges
    parts = [corner(last, right), corner(first, right), corner(last, left), corner(first, left)]
    total = add("Add", add("Sub", add("Sub", parts[0], parts[1]), parts[2]), parts[3])
    many = add("Mul", add("Sub", last, first), add("Sub", right, left))
    inside = add("Unsqueeze", add("Greater", many, np.array(0)), np.array([3]))
    many = add("Cast", add("Max", many, np.array(1)), to=11)  # 11: double
    mean = add("Where", inside, add("Div", total, add("Unsqueeze", many, np.array([3]))), np.float64(0))
    add("Transpose", add("Cast", mean, to=graph.FLOAT), out=top, perm=[0, 3, 1, 2])


def _rounded(add, value):
    """As C rounds: halves away from zero."""
    return add("Mul", add("Sign", value), add("Floor", add("Add", add("Abs", value), np.float32(0.5))))


def _sums(add, layer, x, area):
    """Sums over all pixels above and left of each corner: rows of `many` numbers for image, cell and corner."""
    padded = add("Pad", add("Cast", x, to=11), np.array([0, 0, 1, 1, 0, 0, 0, 0]))
    sums = add("CumSum", add("CumSum", padded, np.array(2)), np.array(3))
    split = add.joined(np.array([-1, layer.many, layer.grid[0] * layer.grid[1]]), area)
    sums = add("Transpose", add("Reshape", sums, split), perm=[0, 2, 3, 1])
    return add("Reshape", sums, np.array([-1, layer.many]))
