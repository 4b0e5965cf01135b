"""``caffe.proto.caffe_pb2``: the message classes of Caffe's files, by the names that scripts know.

All of Caffe 1.0: ``NetParameter``, ``SolverParameter``, ``BlobProto``, ``Datum`` and so on. They have the fields that
forks added, too (`cellseg.engine.fork_schema`), so that scripts read the nets of forks. They work with
``google.protobuf.text_format``.
"""

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from cellseg.engine import fork_schema

_CLASSES = fork_schema.messages()
globals().update(_CLASSES)
DESCRIPTOR = _CLASSES["NetParameter"].DESCRIPTOR.file
Phase = EnumTypeWrapper(DESCRIPTOR.enum_types_by_name["Phase"])
TRAIN, TEST = Phase.Value("TRAIN"), Phase.Value("TEST")
