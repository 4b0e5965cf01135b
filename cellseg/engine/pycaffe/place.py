"""Putting the engine where scripts look for Caffe: ``import caffe``."""

import importlib
import sys

#: Modules of pycaffe, by their names below ``caffe``.
_MODULES = ("io", "net_spec", "proto", "proto.caffe_pb2", "coord_map", "classifier", "detector", "draw")
#: Where pycaffe keeps what `cellseg.engine.pycaffe` has itself.
_INNER = ("pycaffe", "_caffe")


def put(caffe):
    """Let ``import caffe``, and the import of its modules, give an engine from now on, in this process.

    Parameters
    ----------
    caffe : module
        `cellseg.engine.pycaffe`, as `cellseg.engine.load` gives it.
    """
    sys.modules["caffe"] = caffe
    for name in _MODULES:
        sys.modules[f"caffe.{name}"] = importlib.import_module(f"{caffe.__name__}.{name}")
    for name in _INNER:
        sys.modules[f"caffe.{name}"] = caffe
        setattr(caffe, name, caffe)


def without_gpu(caffe):
    """Let a script that asks for a GPU compute on the processor, where there is no GPU; the log says so.

    Parameters
    ----------
    caffe : module
        As of `put`.
    """

    def on_processor(*_):
        caffe.log("There is no GPU here: computing on the processor")

    caffe.set_mode_gpu = caffe.set_device = on_processor
