"""Small nets in the manner of public models that need a fork's layers; written from the models' descriptions."""


class _Text:
    """A prototxt in the making; each method adds a layer on the last top and gives the name of its own."""

    def __init__(self, channels, side, wide=None, images=1):
        dims = f"dim: [{images}, {channels}, {side}, {wide or side}]"
        self.lines = [f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}']
        self.last = "data"

    def add(self, kind, fields="", bottoms=None, name=None, more="", in_place=False):
        bottoms = bottoms or [self.last]
        name = name or f"{kind.lower()}{len(self.lines)}"
        self.last = bottoms[0] if in_place else name
        names = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
        self.lines.append(f'layer {{ name: "{name}" type: "{kind}" {names} top: "{self.last}" {more} {fields} }}')
        return self.last

    def conv(self, outputs, kernel=3, fields="", bottom=None, pad=None, kind="Convolution"):
        pad = kernel // 2 if pad is None else pad
        fields = f"num_output: {outputs} kernel_size: {kernel} pad: {pad} {fields} "
        fields += 'weight_filler { type: "msra" }'
        return self.add(kind, f"convolution_param {{ {fields} }}", bottom and [bottom])

    def relu(self):
        return self.add("ReLU", in_place=True)

    def pooled(self, fields):
        """A Pooling with the mask of its maxima; gives the mask's name."""
        mask = f"mask{len(self.lines)}"
        self.add("Pooling", f"pooling_param {{ pool: MAX {fields} }}", more=f'top: "{mask}"')
        return mask

    def text(self):
        return "\n".join(self.lines)


def segnet():
    """Encoder and decoder with the places of the maxima handed over; normalisations as they are deployed."""
    net, masks = _Text(3, 20, 18), []
    normal = "bn_param { scale_filler { value: 1 } shift_filler { value: 0.001 } bn_mode: INFERENCE }"
    for outputs in (6, 8):
        net.conv(outputs)
        net.add("BN", normal)
        net.relu()
        masks.append((net.pooled("kernel_size: 2 stride: 2"), outputs))
    for (mask, outputs), size in zip(masks[::-1], ("upsample_h: 10 upsample_w: 9", "scale: 2")):
        net.conv(outputs)
        net.add("BN", normal)
        net.relu()
        net.add("Upsample", f"upsample_param {{ {size} }}", [net.last, mask])
    net.conv(3)
    return net.text()


def enet():
    """Bottlenecks beside a pooled or unpooled way, asymmetric and dilated convolutions."""
    net = _Text(3, 32)
    normal = "bn_param { scale_filler { value: 1 } shift_filler { value: 0 } bn_mode: INFERENCE }"
    small = net.add("Pooling", "pooling_param { kernel_size: 2 stride: 2 }")
    net.conv(5, 3, "stride: 2", "data")
    start = net.add("Concat", bottoms=[net.last, small])
    net.add("BN", normal)
    net.add("PReLU", in_place=True)
    mask, way = net.pooled("kernel_size: 2 stride: 2"), net.last
    net.conv(4, 2, "stride: 2 bias_term: false", start, pad=0)
    net.conv(4, 3, "dilation: 2", pad=2)
    net.add("Convolution", 'convolution_param { num_output: 8 kernel_h: 5 kernel_w: 1 pad_h: 2 pad_w: 0 '
                           'weight_filler { type: "msra" } }')  # fmt: skip
    net.add("BN", normal)
    net.add("Eltwise", bottoms=[net.last, way])
    net.add("PReLU", in_place=True)
    net.add("Upsample", "upsample_param { scale: 2 }", [net.last, mask])
    net.conv(3, 2, "stride: 2", pad=0, kind="Deconvolution")
    return net.text()


def _slope(momentum=0.95):
    return f"bn_param {{ slope_filler {{ value: 1 }} bias_filler {{ value: 0 }} momentum: {momentum} }}"


def pspnet():
    """A pyramid of pooled maps, each brought to the size of the map that it is joined with."""
    net = _Text(3, 33, images=2)  # of one image the smallest map is one pixel, which a normalisation makes 0
    net.conv(6, 3, "stride: 2 bias_term: false")
    net.add("BN", _slope())
    net.relu()
    body = net.conv(8, 3, "dilation: 2", pad=2)
    parts = [body]
    for side in (17, 9, 6):
        net.add("Pooling", f"pooling_param {{ pool: AVE kernel_size: {side} stride: {side} }}", [body])
        net.conv(2, 1, "bias_term: false")
        net.add("BN", _slope())
        net.relu()
        parts.append(net.add("Interp", "interp_param { height: 17 width: 17 }"))
    net.add("Concat", bottoms=parts)
    net.conv(3, 1)
    net.add("Interp", "interp_param { zoom_factor: 2 }")
    return net.text()


def icnet():
    """The image at two sizes, the coarse way enlarged and added to the fine one."""
    net = _Text(3, 33, 65)
    net.add("Interp", "interp_param { shrink_factor: 2 }")
    net.conv(6, 3, "stride: 2 bias_term: false")
    net.add("BN", _slope())
    net.relu()
    net.add("Interp", "interp_param { zoom_factor: 2 }")
    coarse = net.conv(6, 3, "dilation: 2 bias_term: false", pad=2)
    coarse = net.add("BN", _slope())
    net.conv(6, 3, "stride: 2 bias_term: false", "data")
    fine = net.add("BN", _slope())
    net.add("Eltwise", bottoms=[coarse, fine])
    net.relu()
    net.add("Interp", "interp_param { zoom_factor: 2 }")
    net.conv(3, 1)
    return net.text()


def deeplab():
    """Dilated ways at two scales of the image, of which the larger score counts."""
    net, scores = _Text(3, 33), []
    for factor in (1, 2):
        if factor > 1:
            net.add("Interp", f"interp_param {{ shrink_factor: {factor} }}", ["data"])
        body = net.conv(6, 3, "stride: 2", "data" if factor == 1 else net.last)
        ways = [net.conv(3, 3, f"dilation: {rate}", body, pad=rate) for rate in (2, 4)]
        score = net.add("Eltwise", bottoms=ways)
        scores.append(score if factor == 1 else net.add("Interp", "interp_param { zoom_factor: 2 }"))
    net.add("Eltwise", "eltwise_param { operation: MAX }", scores)
    net.add("Interp", "interp_param { zoom_factor: 2 }")
    return net.text()


def digits():
    """NVIDIA's normalisations, with factors and biases of their own."""
    net = _Text(1, 28)
    normal = "batch_norm_param { scale_filler { value: 1 } bias_filler { value: 0 } engine: CUDNN }"
    for outputs in (4, 6):
        net.conv(outputs, 5)
        net.add("BatchNorm", normal)
        net.relu()
        net.add("Pooling", "pooling_param { kernel_size: 3 stride: 2 }")
    net.conv(3, 3)
    return net.text()


def mobilenet():
    """Depthwise convolutions, squeezed factors, and a pooling that rounds down."""
    net = _Text(3, 33)
    net.conv(8, 3, "stride: 2")
    net.add("Pooling", "pooling_param { kernel_size: 3 stride: 2 ceil_mode: false }")
    start = net.last
    net.conv(8, 3, "", kind="DepthwiseConvolution")
    wide = net.conv(8, 1)
    net.add("Pooling", "pooling_param { pool: AVE global_pooling: true }")
    net.conv(8, 1)
    net.add("Sigmoid", in_place=True)
    net.add("Axpy", bottoms=[net.last, wide, start])
    net.relu()
    net.conv(3, 1)
    return net.text()


def greentea():
    """A U-Net without padding, that joins the middle of its larger map."""
    net = _Text(1, 28)
    large = net.conv(4, 3, pad=0)
    net.add("Pooling", "pooling_param { kernel_size: 2 stride: 2 }")
    net.conv(4, 3, pad=0)
    net.conv(4, 2, "stride: 2", pad=0, kind="Deconvolution")
    net.add("MergeCrop", bottoms=[net.last, large])
    net.conv(3, 3, pad=0)
    return net.text()


def ssd_head():
    """Normalised maps, their scores pixel by pixel in rows."""
    net = _Text(3, 16)
    net.conv(6, 3, "stride: 2")
    net.add("Normalize", "norm_param { across_spatial: false channel_shared: false scale_filler { value: 20 } }")
    net.conv(6, 3)
    net.add("Permute", "permute_param { order: [0, 2, 3, 1] }")
    net.add("Flatten")
    net.add("Reshape", "reshape_param { shape { dim: [0, -1, 3] } }")
    return net.text()


#: By name: the net, the axis of its classes, and the forks whose layers it has.
NETS = {
    "segnet": (segnet(), 1, {"segnet"}),
    "enet": (enet(), 1, {"segnet"}),
    "pspnet": (pspnet(), 1, {"pspnet"}),
    "icnet": (icnet(), 1, {"pspnet"}),
    "deeplab": (deeplab(), 1, {"pspnet"}),
    "digits": (digits(), 1, {"nvidia"}),
    "mobilenet": (mobilenet(), 1, {"mobilenet", "senet"}),
    "greentea": (greentea(), 1, {"greentea"}),
    "ssd": (ssd_head(), 2, {"ssd"}),
}


def detector(side=40, fields="", priors="", share=True, refined=False):
    """Boxes and classes at two sizes of maps, of which the best are picked; in the manner of SSD, or of RefineDet."""
    net, classes = _Text(3, side, images=2), 4
    net.conv(6, 3, "stride: 4")
    maps = [net.relu()]
    net.conv(6, 3, "stride: 2")
    maps.append(net.relu())
    heads = {"loc": 16 * (1 if share else classes), "conf": 4 * classes}
    heads.update({"there": 8, "start": 16} if refined else {})
    parts = {name: [] for name in (*heads, "box")}
    for number, one in enumerate(maps):
        size = 6 + 8 * number
        box = f"min_size: {size} max_size: {size + 8} aspect_ratio: 2 variance: [0.1, 0.1, 0.2, 0.2] {priors}"
        parts["box"].append(net.add("PriorBox", f"prior_box_param {{ {box} }}", [one, "data"]))
        for part, many in heads.items():
            net.conv(many, 3, bottom=one)
            net.add("Permute", "permute_param { order: [0, 2, 3, 1] }")
            parts[part].append(net.add("Flatten"))
    loc = net.add("Concat", bottoms=parts["loc"])
    boxes = net.add("Concat", "concat_param { axis: 2 }", parts["box"])
    net.add("Concat", bottoms=parts["conf"])
    net.add("Reshape", f"reshape_param {{ shape {{ dim: [0, -1, {classes}] }} }}")
    net.add("Softmax", "softmax_param { axis: 2 }")
    scores = net.add("Flatten")
    more = [net.add("Concat", bottoms=parts[name]) for name in ("there", "start") if refined]
    fields = f"num_classes: {classes} share_location: {str(share).lower()} {fields}"
    net.add("DetectionOutput", f"detection_output_param {{ {fields} }}", [loc, scores, boxes, *more], name="found")
    return net.text()


def region_scores():
    """Scores of regions that are given beside the image, by maps for each place in a region; as R-FCN has them."""
    net = _Text(3, 33, 41, images=2)
    net.lines.append('layer { name: "rois" type: "Input" top: "rois" input_param { shape { dim: [7, 5] } } }')
    body = net.conv(6, 3, "stride: 4", "data")
    net.conv(2 * 9, 1, bottom=body)
    fields = "spatial_scale: 0.25 output_dim: 2 group_size: 3"
    net.add("PSROIPooling", f"psroi_pooling_param {{ {fields} }}", [net.last, "rois"])
    net.add("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 3 }")
    net.add("Softmax", name="prob")
    fields = "pooled_h: 2 pooled_w: 3 spatial_scale: 0.25"
    net.add("ROIPooling", f"roi_pooling_param {{ {fields} }}", [body, "rois"], name="pooled")
    return net.text()


_NMS = "nms_param { nms_threshold: 0.45 top_k: 30 } code_type: CENTER_SIZE"
#: Nets that find objects, which have no training here.
DETECTORS = {
    "ssd": detector(
        fields=f'{_NMS} keep_top_k: 12 confidence_threshold: 0.01 save_output_param {{ output_format: "VOC" }}'
    ),
    "ssd, boxes for each class": detector(
        fields="nms_param { nms_threshold: 0.2 } confidence_threshold: 0.3", share=False, priors="clip: true step: 4"
    ),
    "ssd, corners": detector(fields="variance_encoded_in_target: true keep_top_k: 9 background_label_id: -1"),
    "ssd, sizes of corners": detector(fields="code_type: CORNER_SIZE keep_top_k: 9 nms_param { top_k: 5 }"),
    "refinedet": detector(fields=f"{_NMS} keep_top_k: 20 objectness_score: 0.1 clip: true", refined=True),
    "nothing found": detector(fields=f"{_NMS} confidence_threshold: 0.999"),
    "r-fcn": region_scores(),
}
