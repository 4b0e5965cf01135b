"""The layers that the networks are made of, as LayerParameter messages in plain Python (see `prototxt.to_text`)."""

from cellseg.network.prototxt import Enum

TRAIN, TEST = Enum("TRAIN"), Enum("TEST")


def layer(name, kind, bottom, **parameters):
    """One layer, whose only output has the layer's name."""
    return dict(name=name, type=kind, bottom=bottom, top=name, **parameters)


def data(phase, source, batch, targets, shuffle=None):
    """A layer that reads the blobs ``data`` and the targets from an HDF5 list, in one phase."""
    return {
        "name": "data",
        "type": "HDF5Data",
        "top": ["data", *targets],
        "include": {"phase": phase},
        "hdf5_data_param": {"source": source, "batch_size": batch, "shuffle": shuffle},
    }


def convolution(name, bottom, maps, kernel, rectify=True):
    """A convolution that keeps the size of its maps, Xavier weights, and a ReLU in place.

    Returns
    -------
    list of dict
    """
    parameters = _same_size(
        maps, kernel, weight_filler={"type": "xavier"}, bias_filler={"type": "constant", "value": 0}
    )
    return [layer(name, "Convolution", bottom, convolution_param=parameters)] + ([relu(name)] if rectify else [])


def normalised_convolution(name, bottom, maps, kernel):
    """A convolution without bias, batch normalisation with its scale and shift, and a ReLU, all in place.

    The moving averages keep 0.99 of themselves in each iteration. With Caffe's 0.999 they would still hold the start of
    a short training at its end. The solver does not change what BatchNorm keeps: its rates are 0.

    Returns
    -------
    list of dict
    """
    parameters = _same_size(maps, kernel, bias_term=False, weight_filler={"type": "msra"})
    kept = [{"lr_mult": 0, "decay_mult": 0}] * 3
    free = [{"lr_mult": 1, "decay_mult": 0}] * 2
    return [
        layer(name, "Convolution", bottom, convolution_param=parameters),
        _in_place("bn", name, "BatchNorm", param=kept, batch_norm_param={"moving_average_fraction": 0.99}),
        _in_place("scale", name, "Scale", param=free, scale_param={"bias_term": True}),
        relu(name),
    ]


def relu(name):
    """Rectify the blob `name` in place."""
    return _in_place("relu", name, "ReLU")


def pooling(name, bottom):
    """Maximum of 2x2 pixels."""
    return layer(name, "Pooling", bottom, pooling_param={"pool": Enum("MAX"), "kernel_size": 2, "stride": 2})


def upsampling(name, bottom, maps):
    """Bilinear upsampling by 2, fixed: a Deconvolution that does not learn."""
    parameters = {
        "num_output": maps,
        "bias_term": False,
        "pad": 1,
        "kernel_size": 4,
        "group": maps,
        "stride": 2,
        "weight_filler": {"type": "bilinear"},
    }
    return layer(name, "Deconvolution", bottom, param={"lr_mult": 0, "decay_mult": 0}, convolution_param=parameters)


def _in_place(prefix, blob, kind, **parameters):
    return dict(layer(blob, kind, blob, **parameters), name=f"{prefix}_{blob}")


def _same_size(maps, kernel, **others):
    return {"num_output": maps, "pad": kernel // 2, "kernel_size": kernel, **others}
