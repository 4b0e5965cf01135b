"""Train a net that NetSpec wrote, watch it with callbacks, and read what it left, as notebooks do."""

import caffe
import h5py
import numpy as np
from caffe.proto import caffe_pb2
from google.protobuf import text_format
from nets_as_python import lenet


def write_files():
    rng = np.random.RandomState(0)
    with h5py.File("rows.h5", "w") as file:
        file["data"] = rng.rand(12, 1, 12, 12).astype(np.float32)
        file["label"] = rng.randint(0, 3, 12).astype(np.float32)
    with open("rows.txt", "w") as file:
        file.write("rows.h5\n")
    net = lenet("rows.txt", 4)
    with open("lenet.prototxt", "w") as file:
        file.write(str(net))
    solver = caffe_pb2.SolverParameter(net="lenet.prototxt", base_lr=0.05, momentum=0.9, lr_policy="step", gamma=0.5)
    solver.test_iter.append(3)
    solver.stepsize, solver.max_iter, solver.test_interval, solver.random_seed = 2, 6, 3, 7
    solver.snapshot_prefix, solver.weight_decay = "snap", 0.01
    solver.solver_mode = caffe_pb2.SolverParameter.CPU
    with open("solver.prototxt", "w") as file:
        file.write(text_format.MessageToString(solver))
    return net


def train(found):
    solver = caffe.get_solver("solver.prototxt")
    weights = solver.net.params["conv1"][0]
    rates, order = [], []

    def start():
        rates.append(solver.lr)
        order.append("start")

    def ready():
        order.append("ready")
        found[f"gradient {len(rates)}"] = weights.diff.copy()

    solver.add_callback(start, ready)
    solver.add_callback(lambda: order.append("start 2"), lambda: order.append("ready 2"))
    solver.net.before_forward(lambda number: order.append(f"forward {number}"))
    solver.net.after_backward(lambda number: order.append(f"backward {number}"))
    solver.test_nets[0].after_forward(lambda number: order.append(f"test {number}"))
    solver.step(2)
    print("after two", solver.iter, solver.param.max_iter, rates, order)
    found["accuracy"] = solver.test_nets[0].forward()["accuracy"].copy()
    solver.solve()
    print("order", order)
    print("rates", rates, solver.lr)
    for name, blobs in solver.net.params.items():
        for number, blob in enumerate(blobs):
            found[f"trained {name} {number}"] = blob.data.copy()


def read_back(found):
    net, state = caffe_pb2.NetParameter(), caffe_pb2.SolverState()
    with open("snap_iter_6.caffemodel", "rb") as file:
        net.ParseFromString(file.read())
    with open("snap_iter_6.solverstate", "rb") as file:
        state.MergeFromString(file.read())
    print(state.iter, state.learned_net, state.current_step, len(state.history))
    for number, blob in enumerate(state.history):
        found[f"history {number}"] = caffe.io.blobproto_to_array(blob)
    for layer in net.layer:
        if layer.blobs:
            print(layer.name, layer.type, [list(blob.shape.dim) for blob in layer.blobs])


def run(found):
    net = write_files()
    train(found)
    read_back(found)
    return net
