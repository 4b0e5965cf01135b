"""Networks that are not ours, written from their published descriptions, with fewer feature maps.

Each function gives the text of a training net for images of a size. Long, Shelhamer, Darrell 2015 (FCN-8s);
Ronneberger, Fischer, Brox 2015 (U-Net); Xie, Noble, Zisserman 2015 (FCRN-B). The dilated one is typical for 2016 to
2018: dilated convolutions with batch normalisation, PReLU, sums over skips and a weighted loss, as in DeepLab and ENet.
The last has the layers of the recommended recipe.
"""


def layer(kind, name, bottoms, top=None, fields="", more=""):
    bottoms = "".join(f'bottom: "{bottom}" ' for bottom in bottoms.split())
    return f'layer {{ name: "{name}" type: "{kind}" {bottoms}top: "{top or name}" {more} {fields} }}\n'


def inputs(**shapes):
    return "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ '
        + " ".join(f"dim: {side}" for side in shape)
        + " } } }\n"
        for name, shape in shapes.items()
    )


def convolution(name, bottom, outputs, kernel=3, pad=0, more="", kind="Convolution", filler="msra"):
    fields = f'num_output: {outputs} kernel_size: {kernel} pad: {pad} {more} weight_filler {{ type: "{filler}" }}'
    return layer(kind, name, bottom, fields=f"convolution_param {{ {fields} }}")


def relu(blob):
    return layer("ReLU", f"relu_{blob}", blob, blob)


def pool(name, bottom):
    return layer("Pooling", name, bottom, fields="pooling_param { pool: MAX kernel_size: 2 stride: 2 }")


def crop(name, bottom, reference, *offsets):
    fields = " ".join(f"offset: {offset}" for offset in offsets)
    return layer("Crop", name, f"{bottom} {reference}", fields=f"crop_param {{ axis: 2 {fields} }}")


def up(name, bottom, channels, kernel, stride, pad=0, fixed=False):
    """Transposed convolution; fixed and bilinear, one filter a channel, or learnt."""
    if fixed:
        more = f"stride: {stride} group: {channels} bias_term: false"
        text = convolution(name, bottom, channels, kernel, pad, more, "Deconvolution", "bilinear")
        return text.replace("convolution_param", "param { lr_mult: 0 } convolution_param")
    return convolution(name, bottom, channels, kernel, pad, f"stride: {stride} bias_term: false", "Deconvolution")


def fcn8s(height, width, divisor=16):
    """VGG-16 with skips from pool3 and pool4; 21 classes, label 255 ignored, loss not normalised."""
    net, bottom = inputs(data=(1, 3, height, width), label=(1, 1, height, width)), "data"
    for block, (maps, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for number in range(1, count + 1):
            name = f"conv{block}_{number}"
            net += convolution(name, bottom, maps // divisor, 3, 100 if bottom == "data" else 1) + relu(name)
            bottom = name
        net += pool(f"pool{block}", bottom)
        bottom = f"pool{block}"
    for name, kernel in (("fc6", 7), ("fc7", 1)):
        net += convolution(name, bottom, 4096 // divisor // 8, kernel) + relu(name)
        net += layer("Dropout", f"drop_{name}", name, name, "dropout_param { dropout_ratio: 0.5 }")
        bottom = name
    net += convolution("score_fr", "fc7", 21, 1) + up("upscore2", "score_fr", 21, 4, 2)
    net += convolution("score_pool4", "pool4", 21, 1) + crop("score_pool4c", "score_pool4", "upscore2", 5)
    net += layer("Eltwise", "fuse_pool4", "upscore2 score_pool4c", fields="eltwise_param { operation: SUM }")
    net += up("upscore_pool4", "fuse_pool4", 21, 4, 2)
    net += convolution("score_pool3", "pool3", 21, 1) + crop("score_pool3c", "score_pool3", "upscore_pool4", 9)
    net += layer("Eltwise", "fuse_pool3", "upscore_pool4 score_pool3c", fields="eltwise_param { operation: SUM }")
    net += up("upscore8", "fuse_pool3", 21, 16, 8) + crop("score", "upscore8", "data", 31)
    return net + layer(
        "SoftmaxWithLoss", "loss", "score label", fields="loss_param { ignore_label: 255 normalize: false }"
    )


def unet(height, width, divisor=16, depth=4):
    """Convolutions without padding, so each skip is cropped to the middle; two classes."""
    net, bottom, maps, sizes = "", "data", 64 // divisor, []
    size = [height, width]

    def block(name, bottom, maps):
        nonlocal size
        size = [side - 4 for side in size]
        first, second = f"{name}_a", f"{name}_b"
        return convolution(first, bottom, maps) + relu(first) + convolution(second, first, maps) + relu(second)

    for level in range(depth):
        net += block(f"down{level}", bottom, maps << level) + pool(f"pool{level}", f"down{level}_b")
        sizes.append(list(size))
        size, bottom = [-(-side // 2) for side in size], f"pool{level}"
    net += block("bottom", bottom, maps << depth)
    net += layer("Dropout", "drop", "bottom_b", "bottom_b", "dropout_param { dropout_ratio: 0.5 }")
    bottom = "bottom_b"
    for level in reversed(range(depth)):
        size = [2 * side for side in size]
        offsets = [(skip - side) // 2 for skip, side in zip(sizes[level], size)]
        net += up(f"up{level}", bottom, maps << level, 2, 2) + relu(f"up{level}")
        net += crop(f"skip{level}", f"down{level}_b", f"up{level}", *offsets)
        net += layer("Concat", f"both{level}", f"skip{level} up{level}")
        net += block(f"up{level}", f"both{level}", maps << level)
        bottom = f"up{level}_b"
    net += convolution("score", bottom, 2, 1) + layer("SoftmaxWithLoss", "loss", "score label")
    return inputs(data=(1, 1, height, width), label=(1, 1, *size)) + net


def fcrn_b(height, width, divisor=8):
    """Two poolings, 5x5 kernels behind fixed bilinear upsamplings; regresses one density map."""
    net, bottom = inputs(data=(2, 1, height, width), label=(2, 1, height, width)), "data"
    for name, maps, pooled in (("c1", 32, 0), ("c2", 64, 1), ("c3", 128, 0), ("c4", 256, 1)):
        net += convolution(name, bottom, maps // divisor, 3, 1) + relu(name)
        bottom = name
        if pooled:
            net += pool(f"pool_{name}", name)
            bottom = f"pool_{name}"
    maps = 256 // divisor
    net += convolution("fc", bottom, maps, 5, 2) + relu("fc") + up("up1", "fc", maps, 4, 2, 1, fixed=True)
    net += convolution("c5", "up1", maps, 5, 2) + relu("c5") + up("up2", "c5", maps, 4, 2, 1, fixed=True)
    net += convolution("density", "up2", 1, 5, 2) + crop("score", "density", "data", 0)
    return net + layer("EuclideanLoss", "loss", "score label")


def dilated(height, width, maps=12):
    """Dilated residual blocks with BatchNorm, Scale and PReLU; a loss that weights confusions."""
    net = inputs(data=(2, 3, height, width), label=(2, 1, height, width), weights=(1, 1, 4, 4))

    def block(name, bottom, more, pad):
        text = convolution(name, bottom, maps, 3, pad, f"{more} bias_term: false")
        text += layer("BatchNorm", f"bn_{name}", name, f"bn_{name}")
        text += layer("Scale", f"scale_{name}", f"bn_{name}", f"bn_{name}", "scale_param { bias_term: true }")
        return text + layer("PReLU", f"prelu_{name}", f"bn_{name}", f"bn_{name}")

    net += block("c0", "data", "stride: 2", 1)
    bottom = "bn_c0"
    for number, dilation in enumerate((1, 2, 4), 1):
        net += block(f"c{number}", bottom, f"dilation: {dilation}", dilation)
        net += layer(
            "Eltwise", f"sum{number}", f"{bottom} bn_c{number}", fields="eltwise_param { coeff: 1 coeff: 0.5 }"
        )
        bottom = f"sum{number}"
    net += layer("Pooling", "context", bottom, fields="pooling_param { pool: AVE kernel_size: 3 stride: 1 pad: 1 }")
    net += layer("LRN", "lrn", "context", fields="lrn_param { local_size: 3 alpha: 0.1 }")
    net += layer("Concat", "both", f"{bottom} lrn")
    net += convolution("score_low", "both", 4, 1) + up("score_up", "score_low", 4, 4, 2, 1)
    net += crop("score", "score_up", "data", 0)
    net += layer("InfogainLoss", "loss", "score label weights")
    return net + layer("SoftmaxWithLoss", "other_loss", "score_c label", more="loss_weight: 0.3").replace(
        "score_c", "score"
    )


def normalised_unet(height, width, maps=8, depth=2):
    """U-Net with batch normalisation, where all is in place or, at the lowest level, nothing is; fixed upsamplings."""
    net = inputs(data=(2, 1, height, width), label=(2, 1, height, width))

    def normalised(name, bottom, outputs, in_place=True):
        norm = name if in_place else f"bn_{name}"
        text = convolution(name, bottom, outputs, 3, 1, "bias_term: false")
        text += layer("BatchNorm", f"bn_{name}", name, norm)
        text += layer("Scale", f"scale_{name}", norm, norm, "scale_param { bias_term: true }")
        return text + layer("ReLU", f"relu_{name}", norm, norm)

    bottom, skips = "data", []
    for level in range(depth):
        net += normalised(f"down{level}", bottom, maps << level) + pool(f"pool{level}", f"down{level}")
        skips.append(f"down{level}")
        bottom = f"pool{level}"
    net += normalised("bottom", bottom, maps << depth, in_place=False)
    bottom = "bn_bottom"
    for level in reversed(range(depth)):
        net += up(f"up{level}", bottom, maps << level + 1, 4, 2, 1, fixed=True)
        net += layer("Concat", f"both{level}", f"up{level} {skips[level]}")
        net += normalised(f"after{level}", f"both{level}", maps << level)
        bottom = f"after{level}"
    return net + convolution("score", bottom, 2, 1) + layer("SoftmaxWithLoss", "loss", "score label")
