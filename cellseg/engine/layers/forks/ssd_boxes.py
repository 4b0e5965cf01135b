"""Boxes of the single-shot detector: PriorBox makes those to start from, DetectionOutput keeps the best.

Boxes are xmin, ymin, xmax, ymax as parts of the image's width and height.
"""

import numpy as np

from cellseg.engine.later import torch
from cellseg.engine.layers.base import EVERYTHING, Layer, shown
from cellseg.engine.layers.forks.boxes_onnx import detections, prior_boxes


class PriorBox(Layer):
    """Boxes around each pixel of the first bottom, in the image that is the second: one row; variances: the other."""

    BOTTOMS = (2, 2)
    NO_GRADIENT = (0, 1)
    MAY_BE_IN_PLACE = BACKWARD_NEEDS_TOPS = False

    def setup(self, bottom_shapes):
        p = self.parameter.prior_box_param
        if not p.min_size or len(p.max_size) not in (0, len(p.min_size)) or min(p.min_size) <= 0:
            self.fail("needs a min_size above 0, and no max_size or one for each of them")
        if any(most <= least for least, most in zip(p.min_size, p.max_size)):
            self.fail("max_size must be above min_size")
        if len(p.variance) not in (0, 1, 4) or min(p.variance, default=1) <= 0:
            self.fail("takes one variance or four, above 0")
        for one, both in (("img_size", ("img_h", "img_w")), ("step", ("step_h", "step_w"))):
            given = [p.HasField(name) for name in (one, *both)]
            if given[0] and any(given[1:]) or given[1] != given[2]:
                self.fail(f"give {one}, or {both[0]} and {both[1]}")
            if any(has and getattr(p, name) <= 0 for has, name in zip(given, (one, *both))):
                self.fail(f"{one} must be above 0")
        self.image = (p.img_size,) * 2 if p.HasField("img_size") else (p.img_h, p.img_w)
        self.steps = (p.step,) * 2 if p.HasField("step") else (p.step_h, p.step_w)
        self.sizes = np.array(list(self._sizes(p)), np.float32)

    def _sizes(self, p):
        """Height and width in pixels of the boxes around one pixel."""
        ratios = [1.0]
        for ratio in p.aspect_ratio:
            if all(abs(ratio - other) >= 1e-6 for other in ratios):
                ratios += [ratio, 1 / ratio] if p.flip else [ratio]
        for number, least in enumerate(p.min_size):
            least = int(least)  # Caffe cuts fractions off
            yield least, least
            if p.max_size:
                side = float(np.sqrt(least * int(p.max_size[number])))
                yield side, side
            for ratio in ratios[1:]:
                if abs(ratio - 1) >= 1e-6:
                    yield least / np.sqrt(ratio), least * np.sqrt(ratio)

    def reshape(self, bottom_shapes):
        if any(len(shape) != 4 for shape in bottom_shapes):
            self.fail(f"takes images NxCxHxW, not {' and '.join(map(shown, bottom_shapes))}")
        return [(1, 2, bottom_shapes[0][2] * bottom_shapes[0][3] * len(self.sizes) * 4)]

    def sees(self, axis, low, high, top=0):
        return [EVERYTHING, EVERYTHING]

    def backward(self, top_gradients):
        return [None, None], []

    def onnx(self, graph, bottoms, tops):
        prior_boxes(self, graph, bottoms, tops[0])

    def compute(self, bottoms, weights):
        p, sides = self.parameter.prior_box_param, [np.float32(side) for side in bottoms[0].shape[2:]]
        image = [np.float32(side) for side in (self.image if all(self.image) else bottoms[1].shape[2:])]
        steps = self.steps if all(self.steps) else [whole / part for whole, part in zip(image, sides)]
        middles = [
            (np.arange(side, dtype=np.float32) + np.float32(p.offset)) * np.float32(step)
            for side, step in zip(sides, steps)
        ]
        y, x = np.meshgrid(*middles, indexing="ij")
        tall, wide = self.sizes.T / 2
        y, x = y[..., None], x[..., None]
        corners = np.stack([x - wide, y - tall, x + wide, y + tall], -1)
        boxes = (corners / np.array([*image[::-1], *image[::-1]])).astype(np.float32)
        if p.clip:
            boxes = boxes.clip(0, 1)
        variances = np.broadcast_to(np.array(p.variance or [0.1], np.float32), boxes.shape)
        both = np.stack([boxes.ravel(), variances.ravel()])[None]
        return [torch.from_numpy(np.ascontiguousarray(both)).to(bottoms[0].device)]


class DetectionOutput(Layer):
    """The best boxes of each image, without those that overlap a better one of their class.

    The bottoms are moves of the boxes, scores of the classes, and boxes with variances as PriorBox makes them.
    RefineDet adds scores of anything being there, and moves of the boxes before all others. A row of the top is number
    of the image, class, score and box; if nothing is found, a row of -1 for each image.
    """

    CORNER, CENTER_SIZE = 1, 2  # CodeType
    BOTTOMS = (3, 5)
    PICKS = True
    NO_GRADIENT = (0, 1, 2, 3, 4)
    MAY_BE_IN_PLACE = BACKWARD_NEEDS_TOPS = False

    def setup(self, bottom_shapes):
        p = self.parameter.detection_output_param
        if p.num_classes < 1:
            self.fail("needs num_classes")
        if p.nms_param.nms_threshold < 0 or not 0 < p.nms_param.eta <= 1:
            self.fail("nms_threshold must be 0 or more, eta above 0 and at most 1")
        if p.save_output_param.output_directory or p.visualize or p.save_file:
            self.fail("does not write or show what it finds; take output_directory, visualize and save_file out")
        if len(bottom_shapes) > 3 and not p.HasField("objectness_score"):
            self.fail("has a fourth bottom, so it needs objectness_score, below which nothing is there")

    def reshape(self, bottom_shapes):
        p, (moves, scores, boxes, *more) = self.parameter.detection_output_param, bottom_shapes
        many = boxes[2] // 4 if len(boxes) > 2 else 0
        self.places = 1 if p.share_location else p.num_classes
        wanted = [many * self.places * 4, many * p.num_classes, many * 2, many * 4]
        found = [int(np.prod(shape[1:])) for shape in (moves, scores, *more)]
        if not many or len({shape[0] for shape in (moves, scores, *more)}) > 1 or found != wanted[: len(found)]:
            wanted = ", ".join(map(str, wanted[: len(found)]))
            self.fail(f"{many} boxes need {wanted} moves and scores an image, not {', '.join(map(str, found))}")
        return [(1, 1, 1, 7)]

    def sees(self, axis, low, high, top=0):
        return [EVERYTHING] * len(self.parameter.bottom)

    def backward(self, top_gradients):
        return [None] * len(self.parameter.bottom), []

    def onnx(self, graph, bottoms, tops):
        detections(self, graph, bottoms, tops[0])

    def compute(self, bottoms, weights):
        p = self.parameter.detection_output_param
        moves, scores, boxes, *more = (bottom.detach().cpu().float().numpy() for bottom in bottoms)
        images, (boxes, variances) = len(moves), boxes.reshape(-1, 2, boxes.shape[2] // 4, 4)[0]
        moves = moves.reshape(images, -1, self.places, 4)
        scores = scores.reshape(images, -1, p.num_classes)
        if more:
            nothing = more[0].reshape(images, -1, 2)[..., 1:] < np.float32(p.objectness_score)
            scores = np.where(nothing, np.float32(np.arange(p.num_classes) == p.background_label_id), scores)
        rows = []
        with np.errstate(over="ignore", invalid="ignore"):  # moves of a net that has learnt nothing
            for image in range(images):
                starts = self._placed(more[1].reshape(images, -1, 4)[image], boxes, variances) if more[1:] else boxes
                placed = [self._placed(moves[image, :, place], starts, variances) for place in range(self.places)]
                placed = [one.clip(0, 1) if p.clip else one for one in placed]
                rows += self._found(image, placed, scores[image])
        rows = rows or [[image, *[-1] * 6] for image in range(images)]
        found = np.array(rows, np.float32)[None, None]
        return [torch.from_numpy(found).to(bottoms[0].device)]

    def _found(self, image, placed, scores):
        """The rows of an image: from its boxes, shared or for each class, and the scores (boxes, classes)."""
        p, kept = self.parameter.detection_output_param, []
        for label in range(p.num_classes):
            if label != p.background_label_id:
                where = placed[0 if p.share_location else label]
                kept += [(label, one) for one in self._kept(where, scores[:, label])]
        if -1 < p.keep_top_k < len(kept):
            kept = sorted(kept, key=lambda pair: -scores[pair[1], pair[0]])[: p.keep_top_k]
            kept.sort(key=lambda pair: pair[0])
        boxes = [placed[0 if p.share_location else label][one] for label, one in kept]
        return [[image, label, scores[one, label], *box] for (label, one), box in zip(kept, boxes)]

    def _placed(self, moves, boxes, variances):
        """Boxes after their moves."""
        p = self.parameter.detection_output_param
        if not p.variance_encoded_in_target:
            moves = moves * variances
        size = boxes[:, 2:] - boxes[:, :2]
        if p.code_type == self.CORNER:
            return boxes + moves
        if p.code_type == self.CENTER_SIZE:
            middle = (boxes[:, :2] + boxes[:, 2:]) / 2 + moves[:, :2] * size
            half = np.exp(moves[:, 2:]) * size / 2
            return np.concatenate([middle - half, middle + half], 1)
        return boxes + moves * np.tile(size, 2)

    def _kept(self, boxes, scores):
        """Numbers of the boxes of one class to keep, the best first."""
        p = self.parameter.detection_output_param
        best = np.argsort(-scores, kind="stable")
        if p.HasField("confidence_threshold"):
            best = best[scores[best] > p.confidence_threshold]
        if p.nms_param.HasField("top_k") and p.nms_param.top_k > -1:
            best = best[: p.nms_param.top_k]
        kept, threshold = [], p.nms_param.nms_threshold
        for one in best:
            if not kept or overlaps(boxes[one], boxes[kept]).max() <= threshold:
                kept.append(one)
                if p.nms_param.eta < 1 and threshold > 0.5:
                    threshold *= p.nms_param.eta
        return kept


def overlaps(box, others):
    """Intersection over union of a box with each of some.

    Parameters
    ----------
    box : ndarray of shape (4,)
    others : ndarray of shape (N, 4)

    Returns
    -------
    ndarray of shape (N,)
    """
    inner = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = inner.clip(0).prod(1)
    whole = (box[2:] - box[:2]).clip(0).prod() + (others[:, 2:] - others[:, :2]).clip(0).prod(1) - shared
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
