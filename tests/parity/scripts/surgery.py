"""What FCN's scripts do with nets, and what example scripts do with images."""

import caffe
import numpy as np
from arrays import image
from caffe import layers as L
from caffe import params as P
from caffe.coord_map import coord_map_from_to, crop
from google.protobuf import text_format

CLASSIFIER = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 7 dim: 7 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "fc" type: "InnerProduct" bottom: "conv1" top: "fc"
        inner_product_param { num_output: 6 weight_filler { type: "xavier" } } }
layer { name: "gone" type: "InnerProduct" bottom: "fc" top: "gone" inner_product_param { num_output: 2 } }
"""


def fcn(classes=3):
    n = caffe.NetSpec()
    n.data = L.Input(input_param=dict(shape=dict(dim=[1, 3, 20, 20])))
    n.conv1 = L.Convolution(n.data, kernel_size=3, num_output=4, pad=10, weight_filler=dict(type="xavier"))
    n.relu1 = L.ReLU(n.conv1, in_place=True)
    n.pool1 = L.Pooling(n.relu1, pool=P.Pooling.MAX, kernel_size=2, stride=2)
    n.fc = L.Convolution(n.pool1, kernel_size=5, num_output=6, weight_filler=dict(type="xavier"))
    n.score = L.Convolution(n.fc, num_output=classes, kernel_size=1, weight_filler=dict(type="xavier"))
    up = dict(num_output=classes, kernel_size=4, stride=2, bias_term=False)
    n.upscore = L.Deconvolution(n.score, convolution_param=up, param=[dict(lr_mult=0)])
    n.cropped = crop(n.upscore, n.data)
    return n


def interp(net, names):
    for name in names:
        kernels, channels, height, width = net.params[name][0].data.shape
        assert kernels == channels and height == width
        factor = (height + 1) // 2
        centre = factor - 1 if height % 2 == 1 else factor - 0.5
        rows, columns = np.ogrid[:height, :width]
        weights = (1 - abs(rows - centre) / factor) * (1 - abs(columns - centre) / factor)
        net.params[name][0].data[range(kernels), range(kernels), :, :] = weights


def transplant(new, old, suffix=""):
    for name in old.params:
        target = name + suffix
        if target not in new.params:
            print("dropping", name)
            continue
        for number in range(len(old.params[name])):
            if number > len(new.params[target]) - 1:
                print("dropping", name, number)
                break
            if old.params[name][number].data.shape != new.params[target][number].data.shape:
                print("coercing", name, number)
            else:
                print("copying", name, number)
            new.params[target][number].data.flat = old.params[name][number].data.flat


def nets(found):
    n = fcn()
    with open("fcn.prototxt", "w") as file:
        file.write(str(n.to_proto()))
    with open("classifier.prototxt", "w") as file:
        file.write(CLASSIFIER)
    caffe.set_random_seed(5)
    old, new = caffe.Net("classifier.prototxt", caffe.TEST), caffe.Net("fcn.prototxt", caffe.TEST)
    transplant(new, old)
    interp(new, [name for name in new.params if "up" in name])
    new.blobs["data"].data[...] = image(20, 20).transpose(2, 0, 1)
    found["cropped"] = new.forward()["cropped"].copy()
    found["features"] = new.blobs["fc"].data.copy()
    new.blobs["data"].reshape(2, 3, 31, 26)
    found["bigger"] = new.forward(blobs=["pool1"], end="score")["pool1"].copy()
    return n.to_proto()


def maps():
    data = L.Input()
    wide = L.Convolution(data, kernel_size=[3, 5], stride=1, pad=[2, 3], dilation=2)
    up = L.Deconvolution(L.Pooling(wide, kernel_size=2, stride=2), convolution_param=dict(kernel_size=4, stride=2))
    other = L.Convolution(data, kernel_size=3, axis=2)
    cases = [
        lambda: coord_map_from_to(wide, data),
        lambda: coord_map_from_to(data, up),
        lambda: coord_map_from_to(L.Crop(up, data, offset=[1, 2]), L.ReLU(data)),
        lambda: crop(L.Deconvolution(data, convolution_param=dict(kernel_size=3)), data).fn.params,
        lambda: crop(data, up).fn.params,
        lambda: crop(L.Pooling(data, kernel_size=2, stride=2), data),
        lambda: crop(L.Convolution(data, kernel_size=2), data),
        lambda: coord_map_from_to(L.Convolution(other, kernel_size=3), data),
        lambda: coord_map_from_to(L.InnerProduct(data), data),
        lambda: caffe.coord_map.coord_map(L.Concat(data, data).fn),
        lambda: caffe.coord_map.compose((1, 2, 3), (1, 4, 5)),
        lambda: caffe.coord_map.inverse((1, 2, 3)),
    ]
    for case in cases:
        try:
            print(case())
        except Exception as error:
            print(type(error).__name__)


def classes(found):
    """Needs the files of `arrays.many_rows`."""
    files = ("deploy.prototxt", "deploy.caffemodel")
    plain = caffe.Classifier(*files)
    settings = dict(mean=np.array([1.0, 2, 3]), input_scale=0.5, raw_scale=10, channel_swap=(2, 1, 0))
    scaled = caffe.Classifier(*files, image_dims=[16, 13], **settings)
    for name, one in (("plain", plain), ("scaled", scaled)):
        for oversample in (True, False):
            found[f"{name} {oversample}"] = one.predict([image(9, 12), image(20, 11, seed=1)], oversample)
    pictures = {"a.png": image(30, 40), "b.png": image(25, 35, seed=1)}
    caffe.io.load_image = lambda name, color=True: pictures[name]
    windows = [("a.png", np.array([[2, 3, 20, 30], [0, 0, 30, 40]])), ("b.png", np.array([[5, 5, 6, 7]]))]
    detector = caffe.Detector(*files, mean=np.array([104.0, 117, 123]), raw_scale=255, channel_swap=(2, 1, 0))
    detections = detector.detect_windows(windows)
    print([(one["filename"], one["window"].tolist()) for one in detections], detector.crop_dims)
    found["detections"] = np.array([one["prediction"] for one in detections])


def dream(found):
    """Needs the files of `arrays.many_rows`; an image grows what a layer in the middle finds in it."""
    model = caffe.io.caffe_pb2.NetParameter()
    with open("deploy.prototxt") as file:
        text_format.Merge(file.read(), model)
    model.force_backward = True
    with open("dream.prototxt", "w") as file:
        file.write(str(model))
    net = caffe.Classifier("dream.prototxt", "deploy.caffemodel", mean=np.float32([104.0, 116, 122]))
    source, target = net.blobs["data"], net.blobs["conv"]
    source.reshape(1, 3, 9, 11)
    source.data[0] = image(9, 11).transpose(2, 0, 1) - net.transformer.mean["data"] / 255
    for _ in range(3):
        net.forward(end="conv")
        target.diff[:] = target.data
        net.backward(start="conv")
        source.data[:] += 0.1 / np.abs(source.diff[0]).mean() * source.diff[0]
    found["dream"] = source.data.copy()


def run(found):
    maps()
    dream(found)
    classes(found)
    return nets(found)
