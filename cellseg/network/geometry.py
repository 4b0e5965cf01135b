"""Numbers that the report states of its network: trainable parameters and receptive field."""

import math

from cellseg.network.fcn import layers


def parameter_shapes(variant):
    """Shapes of all parameter blobs, as Caffe will allocate them.

    Returns
    -------
    dict of str to list of tuple
        Layer name to the shapes of weights and bias: (maps out, maps in, k, k) and (maps out,) for a convolution,
        (maps, 1, 4, 4) for the fixed upsampling.
    """
    shapes, maps = {}, 1
    for layer in layers(variant):
        if layer["type"] not in ("Convolution", "Deconvolution"):
            continue
        parameters = layer["convolution_param"]
        kernel = (parameters["kernel_size"],) * 2
        if layer["type"] == "Convolution":
            shapes[layer["name"]] = [(parameters["num_output"], maps, *kernel), (parameters["num_output"],)]
            maps = parameters["num_output"]
        else:
            shapes[layer["name"]] = [(maps, 1, *kernel)]
    return shapes


def trainable_parameters(variant):
    """Number of trainable parameters: weights and biases of the convolutions; the upsampling is fixed."""
    convolutions = [shapes for shapes in parameter_shapes(variant).values() if len(shapes) == 2]
    return sum(math.prod(shape) for shapes in convolutions for shape in shapes)


def receptive_field(variant):
    """Side in pixels of the square of the image that one unit of the lowest-resolution maps sees.

    This is the reading of "effective receptive field" that gives the report's 38 (its section 7).
    """
    field, jump = 1, 1
    for layer in layers(variant):
        if layer["type"] == "Deconvolution":
            break
        if layer["type"] == "Convolution":
            field += (layer["convolution_param"]["kernel_size"] - 1) * jump
        elif layer["type"] == "Pooling":
            field += (layer["pooling_param"]["kernel_size"] - 1) * jump
            jump *= layer["pooling_param"]["stride"]
    return field
