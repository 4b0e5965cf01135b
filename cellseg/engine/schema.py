"""The part of Caffe's protobuf schema that weights and solver states need, built at run time.

A packed list of numbers and a string of bytes look the same in a file. The numbers of blobs are declared as bytes here,
so that numpy takes them over as a whole.

The messages live in a descriptor pool of their own: pycaffe registers the same names in the default one, and
generated ``_pb2`` files do not span the protobuf versions that the two Pythons have. Fields that are not named here
are skipped by the parser, as protobuf does with unknown ones.

It runs beside real Caffe, too, and so under Python 3.9.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_LABEL = {"": 1, "*": 3, "**": 3}  # optional, repeated, repeated and packed
_TYPE = {"int64": 3, "int32": 5, "string": 9, "bytes": 12}

# message -> field -> (number, type, "" optional | "*" repeated | "**" repeated packed)
_MESSAGES = {
    "BlobShape": {"dim": (1, "int64", "**")},
    "BlobProto": {
        "num": (1, "int32", ""),
        "channels": (2, "int32", ""),
        "height": (3, "int32", ""),
        "width": (4, "int32", ""),
        "data": (5, "bytes", ""),
        "diff": (6, "bytes", ""),
        "shape": (7, "BlobShape", ""),
        "double_data": (8, "bytes", ""),
    },
    "V0LayerParameter": {"name": (1, "string", ""), "blobs": (50, "BlobProto", "*")},
    "V1LayerParameter": {
        "layer": (1, "V0LayerParameter", ""),
        "name": (4, "string", ""),
        "blobs": (6, "BlobProto", "*"),
    },
    "LayerParameter": {"name": (1, "string", ""), "type": (2, "string", ""), "blobs": (7, "BlobProto", "*")},
    "NetParameter": {
        "name": (1, "string", ""),
        "layers": (2, "V1LayerParameter", "*"),
        "layer": (100, "LayerParameter", "*"),
    },
    "SolverState": {
        "iter": (1, "int32", ""),
        "learned_net": (2, "string", ""),
        "history": (3, "BlobProto", "*"),
        "current_step": (4, "int32", ""),
    },
}


def _build():
    file = descriptor_pb2.FileDescriptorProto(name="cellseg/caffe.proto", package="caffe", syntax="proto2")
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for field_name, (number, kind, repeat) in fields.items():
            field = message.field.add(name=field_name, number=number, label=_LABEL[repeat])
            if kind in _TYPE:
                field.type = _TYPE[kind]
            else:
                field.type, field.type_name = 11, f".caffe.{kind}"
            field.options.packed = repeat == "**"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    make = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    return {name: make(pool.FindMessageTypeByName(f"caffe.{name}")) for name in _MESSAGES}


_classes = _build()
BlobProto = _classes["BlobProto"]
NetParameter = _classes["NetParameter"]
SolverState = _classes["SolverState"]
