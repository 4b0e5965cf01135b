"""The report's network, FCRN-A with a two-class head (its section 7 and Figure 6), as Caffe prototxt.

    conv 3x3 + ReLU + max pooling 2x2, three times (32, 64, 128 maps)
    conv 3x3 + ReLU (512 maps)
    fixed bilinear upsampling x2 + conv 3x3 + ReLU, three times (128, 64, 32 maps)
    conv 1x1 to two maps, softmax

Architecture: Xie, Noble and Zisserman, "Microscopy cell counting and detection with fully convolutional regression
networks", CMBBE 6(3):283, 2018. Weights are transferred between nets by layer name, so the names are the same
in every net written here.
"""

from dataclasses import dataclass

from cellseg.errors import CellsegError
from cellseg.network.prototxt import Enum, to_text

TRAIN, TEST = Enum("TRAIN"), Enum("TEST")


@dataclass(frozen=True)
class Variant:
    """The parameters of the network; the defaults are the report's, the others what its section 7.2 proposes.

    Parameters
    ----------
    poolings : int
        Number of 2x2 max poolings, each undone by one upsampling. Fewer lose less spatial information.
    kernel : int
        Side of the convolution kernels in pixels, odd. Larger ones widen the receptive field.
    features : int
        Feature maps of the first convolution; each further one has twice as many, the one at the lowest
        resolution 16 times as many.
    score_kernel : int
        Side of the last convolution's kernel in pixels, odd.

    Raises
    ------
    CellsegError
        If a value is out of range.
    """

    poolings: int = 3
    kernel: int = 3
    features: int = 32
    score_kernel: int = 1

    def __post_init__(self):
        if not 1 <= self.poolings <= 4:
            raise CellsegError(f"poolings is {self.poolings}; give 1 to 4")
        for name in ("kernel", "score_kernel"):
            if not 1 <= getattr(self, name) <= 31 or getattr(self, name) % 2 == 0:
                raise CellsegError(f"{name} is {getattr(self, name)}; give an odd number of pixels, 1 to 31")
        if not 1 <= self.features <= 1024:
            raise CellsegError(f"features is {self.features}; give 1 to 1024")


def layers(variant):
    """The learnable part, from the blob ``data`` to the two maps of the blob ``score``.

    Returns
    -------
    list of dict
        LayerParameter messages in order.
    """
    encoder = [variant.features * 2**level for level in range(variant.poolings)]
    net, bottom = [], "data"
    for number, maps in enumerate(encoder, start=1):
        net += _convolution(f"conv{number}", bottom, maps, variant.kernel)
        pooling = {"pool": Enum("MAX"), "kernel_size": 2, "stride": 2}
        net.append(_layer(f"pool{number}", "Pooling", f"conv{number}", pooling_param=pooling))
        bottom = f"pool{number}"
    bottom, maps = f"conv{variant.poolings + 1}", 16 * variant.features
    net += _convolution(bottom, net[-1]["top"], maps, variant.kernel)
    for number, next_maps in enumerate(reversed(encoder), start=1):
        net.append(_upsampling(f"upsample{number}", bottom, maps))
        net += _convolution(f"unconv{number}", f"upsample{number}", next_maps, variant.kernel)
        bottom, maps = f"unconv{number}", next_maps
    return net + _convolution("score", bottom, 2, variant.score_kernel, rectify=False)


def training_net(variant, name, train_list, test_list, train_batch, test_batch):
    """The net for training and for the solver's tests, as prototxt.

    Parameters
    ----------
    variant : Variant
    name : str
        Name of the net.
    train_list, test_list : str
        HDF5 list files, relative to the folder in which Caffe is started; see `cellseg.data.hdf5`.
    train_batch, test_batch : int
        Patches a batch.

    Returns
    -------
    str
        Blobs ``data`` (N, 1, H, W) and ``label`` (N, 1, H, W; 0 background, 1 cell); outputs ``loss`` and, in
        the test phase, ``accuracy``.
    """
    head = [
        _data(TRAIN, train_list, train_batch, shuffle=True),
        _data(TEST, test_list, test_batch),
    ]
    tail = [
        _layer("loss", "SoftmaxWithLoss", ["score", "label"]),
        dict(_layer("accuracy", "Accuracy", ["score", "label"]), include={"phase": TEST}),
    ]
    return to_text({"name": name, "layer": head + layers(variant) + tail})


def deploy_net(variant, name, height=128, width=128):
    """The net for use, as prototxt: blob ``data`` (1, 1, H, W) in, ``prob`` (1, 2, H, W) out.

    Any height and width that are multiples of 2 to the number of poolings; reshape ``data`` for others than the given.
    """
    head = {"name": "data", "type": "Input", "top": "data", "input_param": {"shape": {"dim": [1, 1, height, width]}}}
    tail = _layer("prob", "Softmax", "score")
    return to_text({"name": name, "layer": [head, *layers(variant), tail]})


def _layer(name, kind, bottom, **parameters):
    return dict(name=name, type=kind, bottom=bottom, top=name, **parameters)


def _data(phase, source, batch, shuffle=None):
    return {
        "name": "data",
        "type": "HDF5Data",
        "top": ["data", "label"],
        "include": {"phase": phase},
        "hdf5_data_param": {"source": source, "batch_size": batch, "shuffle": shuffle},
    }


def _convolution(name, bottom, maps, kernel, rectify=True):
    parameters = {
        "num_output": maps,
        "pad": kernel // 2,
        "kernel_size": kernel,
        "weight_filler": {"type": "xavier"},
        "bias_filler": {"type": "constant", "value": 0},
    }
    convolution = [_layer(name, "Convolution", bottom, convolution_param=parameters)]
    relu = dict(_layer(name, "ReLU", name), name=f"relu_{name}")
    return [*convolution, relu] if rectify else convolution


def _upsampling(name, bottom, maps):
    parameters = {
        "num_output": maps,
        "bias_term": False,
        "pad": 1,
        "kernel_size": 4,
        "group": maps,
        "stride": 2,
        "weight_filler": {"type": "bilinear"},
    }
    fixed = {"lr_mult": 0, "decay_mult": 0}
    return _layer(name, "Deconvolution", bottom, param=fixed, convolution_param=parameters)
