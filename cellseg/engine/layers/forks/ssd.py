"""The fork of the single-shot detector: Permute and Normalize, boxes (`ssd_boxes`) and what is found in them."""

from cellseg.engine.layers.base import Layer, shown
from cellseg.engine.layers.forks.ssd_boxes import DetectionOutput, PriorBox

__all__ = ["ABOUT", "FIELDS", "DetectionOutput", "Normalize", "Permute", "PriorBox"]

ABOUT = "SSD, RefineDet"
FIELDS = """
LayerParameter
    PermuteParameter permute_param
    NormalizeParameter norm_param
    PriorBoxParameter prior_box_param
    DetectionOutputParameter detection_output_param

PermuteParameter
    uint32* order

NormalizeParameter
    bool across_spatial = true
    FillerParameter scale_filler
    bool channel_shared = true
    float eps = 1e-10

PriorBoxParameter
    enum CodeType CORNER=1 CENTER_SIZE=2 CORNER_SIZE=3
    float* min_size
    float* max_size
    float* aspect_ratio
    bool flip = true
    bool clip = false
    float* variance
    uint32 img_size
    uint32 img_h
    uint32 img_w
    float step
    float step_h
    float step_w
    float offset = 0.5

NonMaximumSuppressionParameter
    float nms_threshold = 0.3
    int32 top_k
    float eta = 1

DetectionOutputParameter
    enum CodeType CORNER=1 CENTER_SIZE=2 CORNER_SIZE=3
    uint32 num_classes
    bool share_location = true
    int32 background_label_id = 0
    NonMaximumSuppressionParameter nms_param
    CodeType code_type = CORNER
    bool variance_encoded_in_target = false
    int32 keep_top_k = -1
    float confidence_threshold
    SaveOutputParameter save_output_param
    bool visualize = false
    float visualize_threshold
    string save_file
    bool clip = false
    float objectness_score

SaveOutputParameter
    string output_directory
    string output_name_prefix
    string output_format
    string label_map_file
    string name_size_file
    uint32 num_test_image

LabelMapItem
    string name
    int32 label
    string display_name

LabelMap
    LabelMapItem* item
"""


class Permute(Layer):
    """The axes in another order; those that `order` leaves out follow as they are."""

    MAY_BE_IN_PLACE = BACKWARD_NEEDS_TOPS = False

    def reshape(self, bottom_shapes):
        (shape,), order = bottom_shapes, list(self.parameter.permute_param.order)
        if len(set(order)) < len(order) or max(order, default=0) >= len(shape):
            self.fail(f"order {', '.join(map(str, order))} must name axes of {shown(shape)}, each once")
        self.order = [*order, *(axis for axis in range(len(shape)) if axis not in order)]
        return [tuple(shape[axis] for axis in self.order)]

    def whole(self, axis):
        return self.order[axis] != axis

    def onnx(self, graph, bottoms, tops):
        graph.node("Transpose", bottoms, tops[0], perm=self.order)

    def compute(self, bottoms, weights):
        return [bottoms[0].permute(self.order).contiguous()]


class Normalize(Layer):
    """Values divided by the length of the vector of their pixel's channels, or of their whole image, times a factor."""

    MAY_BE_IN_PLACE = BACKWARD_NEEDS_TOPS = False

    def setup(self, bottom_shapes):
        p, (shape,) = self.parameter.norm_param, bottom_shapes
        if len(shape) < 2:
            self.fail(f"takes a bottom of two axes or more, not {shown(shape)}")
        filler = type(p.scale_filler)(type="constant", value=1)
        self.add_param(() if p.channel_shared else shape[1:2], p.scale_filler if p.HasField("scale_filler") else filler)

    def reshape(self, bottom_shapes):
        (shape,) = bottom_shapes
        if len(shape) < 2 or self.shapes[0] not in ((), shape[1:2]):
            self.fail(f"its factors {shown(self.shapes[0])} do not fit the bottom {shown(shape)}")
        return [shape]

    def whole(self, axis):
        return self.parameter.norm_param.across_spatial

    def onnx(self, graph, bottoms, tops):
        p, (x,), (top,) = self.parameter.norm_param, bottoms, tops
        rank = graph.rank(x)
        (scale,) = graph.weights(self, "scale")
        scale = graph.constant(f"{self.name}.scale", scale.reshape(-1, *[1] * (rank - 2)))
        square = graph.node("Mul", [x, x], f"{top}/square")
        total = graph.reduced("ReduceSum", square, list(self._axes(rank)), f"{top}/sum")
        length = graph.node("Sqrt", [graph.scaled(total, 1, p.eps, f"{top}/moved")], f"{top}/length")
        graph.node("Mul", [graph.node("Div", [x, length], f"{top}/unit"), scale], top)

    def compute(self, bottoms, weights):
        x, (scale,) = bottoms[0].float(), weights
        length = (x.square().sum(self._axes(x.dim()), keepdim=True) + self.parameter.norm_param.eps).sqrt()
        return [x / length * scale.reshape(-1, *[1] * (x.dim() - 2))]

    def _axes(self, rank):
        return tuple(range(1, rank if self.parameter.norm_param.across_spatial else 2))
