"""Nets written with NetSpec, of the kinds that published scripts write."""

import caffe
from caffe import layers as L
from caffe import params as P


def lenet(source, batch):
    n = caffe.NetSpec()
    n.data, n.label = L.HDF5Data(source=source, batch_size=batch, ntop=2)
    learn = [dict(lr_mult=1, decay_mult=1), dict(lr_mult=2, decay_mult=0)]
    n.conv1 = L.Convolution(n.data, kernel_size=3, num_output=4, weight_filler=dict(type="xavier"), param=learn)
    n.pool1 = L.Pooling(n.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    n.conv2 = L.Convolution(n.pool1, kernel_h=3, kernel_w=2, num_output=5, weight_filler=dict(type="msra"))
    n.relu2 = L.ReLU(n.conv2, in_place=True)
    n.ip1 = L.InnerProduct(n.relu2, num_output=8, weight_filler=dict(type="gaussian", std=0.1))
    n.drop1 = L.Dropout(n.ip1, dropout_ratio=0.5, in_place=True, include=dict(phase=caffe.TRAIN))
    n.score = L.InnerProduct(L.ReLU(n.ip1, negative_slope=0.1), num_output=3, weight_filler=dict(type="xavier"))
    n.accuracy = L.Accuracy(n.score, n.label, include=[dict(phase=caffe.TEST)])
    n.loss = L.SoftmaxWithLoss(n.score, n.label, loss_param=dict(normalize=False))
    return n.to_proto()


def odd():
    """Everything that a NetSpec may hold; no engine needs to run it."""
    n = caffe.NetSpec()
    n.data, n.label = L.Data(source="a", backend=P.Data.LMDB, transform_param=dict(scale=0.25, crop_size=3), ntop=2)
    left, right = L.Slice(n.data, slice_point=[10], ntop=2)
    n.both = L.Concat(left, right, name="together")
    n["odd/name"] = L.Deconvolution(n.both, convolution_param=dict(num_output=2, kernel_size=[3, 4], bias_term=False))
    n.again = L.ReLU(L.ReLU(n["odd/name"], in_place=True), in_place=True)
    n.own = L.Python(n.again, n.label, module="m", layer="Own", param_str="{'a': 1}", ntop=1, loss_weight=2)
    n.nothing = L.Silence(n.own, ntop=0)
    n.shapes = L.DummyData(shape=[dict(dim=[1, 2]), dict(dim=3)], data_filler=dict(type="constant", value=2))
    n.given = L.Input(input_param=dict(shape=dict(dim=[1, 3])))
    n.renamed = n.given
    n.loss = L.EuclideanLoss(n.shapes, n.renamed, propagate_down=[True, False])
    n.tops["late"] = L.Foo(n.loss)
    return n.to_proto()


def without_names():
    one, two = L.Foo(ntop=2)
    return [caffe.to_proto(L.ReLU(one), L.ReLU(two), L.ReLU(L.ReLU(one, in_place=True))),
            L.Power(L.Power(two)).to_proto()]  # fmt: skip


def mistakes():
    """What pycaffe refuses, with the exceptions that scripts catch."""
    top = L.Foo()
    for wrong in (
        lambda: L.ReLU(3),
        lambda: L.ReLU([top]),
        lambda: L.ReLU(top, nonsense=1).to_proto(),
        lambda: L.Convolution(top, num_output="a").to_proto(),
        lambda: P.Pooling.NONE,
        lambda: P.Nothing.MAX,
        lambda: caffe.NetSpec().nothing,
    ):
        try:
            wrong()
            print("no mistake")
        except Exception as error:
            print(type(error).__name__)
