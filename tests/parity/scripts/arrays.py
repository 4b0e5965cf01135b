"""Images and arrays: Transformer, oversample, BlobProto, Datum, and many rows through a net."""

import caffe
import numpy as np
from caffe.io import caffe_pb2

DEPLOY = """
force_backward: true
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 5 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc"
        inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""


def image(rows, columns, channels=3, seed=0):
    return np.random.RandomState(seed).rand(rows, columns, channels).astype(np.float32)


def sizes(found):
    for channels in (1, 3, 6):
        for size in ((5, 6), (13, 20), (9, 7)):
            for order in (0, 1):
                name = f"resized {channels} {size} {order}"
                found[name] = caffe.io.resize_image(image(9, 12, channels), size, order)
    found["resized grey"] = caffe.io.resize_image(np.full((4, 4, 3), 3, np.float32), (5, 5))
    found["resized bytes"] = caffe.io.resize_image((image(9, 12) * 255).astype(np.uint8), (5, 5))
    found["windows"] = caffe.io.oversample([image(9, 12), image(9, 12, seed=1)], (4, 7))


def transformers(found):
    plain = caffe.io.Transformer({"data": (1, 3, 6, 5)})
    plain.set_transpose("data", (2, 0, 1))
    whole = caffe.io.Transformer({"data": (1, 3, 6, 5), "grey": (1, 1, 4, 4)})
    whole.set_transpose("data", (2, 0, 1))
    whole.set_mean("data", np.array([104.0, 117, 123]))
    whole.set_raw_scale("data", 255)
    whole.set_channel_swap("data", (2, 1, 0))
    whole.set_input_scale("data", 0.5)
    whole.set_mean("grey", image(4, 4)[..., 0])
    for number, one in enumerate((plain, whole)):
        made = one.preprocess("data", image(9, 12))
        found[f"made {number}"], found[f"back {number}"] = made, one.deprocess("data", made[None])
    whole.set_mean("data", image(12, 10).transpose(2, 0, 1) * 100)
    found["made of another mean"] = whole.preprocess("data", image(6, 5))
    found["made grey"] = whole.preprocess("grey", image(4, 4, 1)[..., 0])
    for wrong in (
        lambda: whole.set_transpose("nothing", (2, 0, 1)),
        lambda: whole.set_transpose("data", (0, 1)),
        lambda: whole.set_channel_swap("data", (0, 1)),
        lambda: whole.set_mean("data", np.ones(4)),
        lambda: whole.set_mean("data", np.ones((1, 3, 6, 5))),
        lambda: whole.preprocess("nothing", image(6, 5)),
        lambda: caffe.io.array_to_datum(np.ones((2, 2))),
    ):
        try:
            wrong()
            print("no mistake")
        except Exception as error:
            print(type(error).__name__)


def messages(found):
    array = image(2, 3, 4)
    blob = caffe.io.array_to_blobproto(array[None], array[None] + 1)
    with open("mean.binaryproto", "wb") as file:
        file.write(blob.SerializeToString())
    with open("mean.binaryproto", "rb") as file:
        again = caffe_pb2.BlobProto.FromString(file.read())
    found["blob"], found["blob diff"] = caffe.io.blobproto_to_array(again), caffe.io.blobproto_to_array(again, True)
    old = caffe_pb2.BlobProto(num=1, channels=2, height=1, width=3, data=range(6))
    found["old blob"] = caffe.io.blobproto_to_array(old)
    vector = caffe.io.arraylist_to_blobprotovector_str([array, array[0, 0]])
    for number, one in enumerate(caffe.io.blobprotovector_str_to_arraylist(vector)):
        found[f"vector {number}"] = one
    for number, one in enumerate((array, (array * 255).astype(np.uint8))):
        datum = caffe.io.array_to_datum(one, 5)
        print(datum.channels, datum.height, datum.width, datum.label, len(datum.data), len(datum.float_data))
        found[f"datum {number}"] = caffe.io.datum_to_array(caffe_pb2.Datum.FromString(datum.SerializeToString()))


def many_rows(found):
    with open("deploy.prototxt", "w") as file:
        file.write(DEPLOY)
    caffe.set_random_seed(3)
    net = caffe.Net("deploy.prototxt", caffe.TEST)
    net.save("deploy.caffemodel")
    rows = np.array([image(6, 5, seed=seed).transpose(2, 0, 1) for seed in range(5)])
    for name, value in net.forward_all(blobs=["conv"], data=rows).items():
        found[f"all {name}"] = value
    wanted = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]]
    values, gradients = net.forward_backward_all(diffs=["fc"], data=rows, prob=wanted)
    found["all prob again"], found["all fc gradient"] = values["prob"], gradients["fc"][:5]
    print(list(net._blob_names), list(net._layer_names), list(net._inputs), list(net._outputs))
    print(net.inputs, net.outputs, net.top_names, net.bottom_names, net.blob_loss_weights)
    print([layer.type for layer in net.layers], [len(layer.blobs) for layer in net.layers], list(net.layer_dict))
    print(list(net._top_ids(3)), list(net._bottom_ids(3)), list(net.blobs["conv"].shape), net._forward(0, 4))
    for wrong in (lambda: net.forward_all(), lambda: net.forward_all(nothing=rows), lambda: net.forward(data=rows)):
        try:
            wrong()
            print("no mistake")
        except Exception:
            print("a mistake")


def run(found):
    sizes(found)
    transformers(found)
    messages(found)
    many_rows(found)
