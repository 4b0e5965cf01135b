"""``caffe.draw``: a net as a picture, which the program ``dot`` of Graphviz makes."""

import shutil
import subprocess
from pathlib import Path

from cellseg.engine import graph
from cellseg.engine.upgrade import upgrade_net
from cellseg.errors import CellsegError
from cellseg.files import replacing

_BLOB = 'shape=octagon, style=filled, fillcolor="#E0E0E0"'
_COLOURS = {"Convolution": "#FF5050", "Deconvolution": "#FF5050", "Pooling": "#FF9900", "InnerProduct": "#CC33FF"}
_OTHERS = "#6495ED"
_TEXTS = ("dot", "gv")


def draw_net_to_file(caffe_net, filename, rankdir="LR", phase=None):
    """Draw a net into a file.

    Parameters
    ----------
    caffe_net : NetParameter
    filename : str or path
        Its suffix says the format: .png, .svg, .pdf; .dot and .gv, the text of the graph, need no Graphviz.
    rankdir : {"LR", "RL", "TB", "BT"}
        Direction: from left to right, and so on.
    phase : int, optional
        Draw the layers of this phase alone.

    Raises
    ------
    CellsegError
        If Graphviz is not installed, or does not know the format.
    """
    picture = draw_net(caffe_net, rankdir, Path(filename).suffix.lstrip(".") or "png", phase)
    with replacing(filename) as beside:
        beside.write_bytes(picture)


def draw_net(caffe_net, rankdir, ext="png", phase=None):
    """A net as the bytes of a picture; see `draw_net_to_file`."""
    text = to_dot(caffe_net, rankdir, phase=phase).encode()
    if ext in _TEXTS:
        return text
    program = shutil.which("dot")
    if program is None:
        raise CellsegError(f"drawing a .{ext} needs Graphviz's program dot; install graphviz, or draw into a .dot file")
    done = subprocess.run([program, f"-T{ext}"], input=text, capture_output=True)
    if done.returncode:
        raise CellsegError(f"dot cannot draw a .{ext}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def get_pydot_graph(caffe_net, rankdir, label_edges=True, phase=None):
    """A net as a graph of the library pydot, which must be installed; see `draw_net_to_file`."""
    import pydot

    return pydot.graph_from_dot_data(to_dot(caffe_net, rankdir, label_edges, phase))[0]


def to_dot(caffe_net, rankdir, label_edges=True, phase=None):
    """A net as a text in Graphviz's language: a box a layer, an octagon a blob.

    Parameters
    ----------
    caffe_net, rankdir, phase
        As of `draw_net_to_file`.
    label_edges : bool
        Whether to write the number of outputs beside the edges from layers.

    Returns
    -------
    str
    """
    net = type(caffe_net).FromString(caffe_net.SerializePartialToString())
    upgrade_net(net, "the net")
    if phase is not None:
        net = graph.included(net, phase)
    lines = [f"digraph {_quoted(net.name or 'Net')} {{", f"rankdir={rankdir};", 'node [fontname="sans-serif"];']
    blobs = dict.fromkeys(name for layer in net.layer for name in [*layer.bottom, *layer.top])
    lines += [f"{_quoted(f'blob {name}')} [label={_quoted(name)}, {_BLOB}];" for name in blobs]
    for number, layer in enumerate(net.layer):
        node = _quoted(f"layer {number} {layer.name}")
        colour = _COLOURS.get(layer.type, _OTHERS)
        lines.append(f'{node} [label={_quoted(_label(layer))}, shape=record, style=filled, fillcolor="{colour}"];')
        lines += [f"{_quoted(f'blob {name}')} -> {node};" for name in layer.bottom]
        outputs = _outputs(layer) if label_edges else ""
        lines += [f"{node} -> {_quoted(f'blob {name}')} [label={_quoted(outputs)}];" for name in layer.top]
    return "\n".join([*lines, "}"]) + "\n"


def _label(layer):
    """Name and type of a layer, and the lengths of its window as far as they are given."""
    lines = [layer.name, f"({layer.type})"]
    for field in ("convolution_param", "pooling_param"):
        for name in ("kernel_size", "stride", "pad") if layer.HasField(field) else ():
            sides = _given(getattr(layer, field), name)
            lines += [f"{name.replace('_', ' ')}: {'x'.join(map(str, sides))}"] if sides else []
    return "\n".join(lines)


def _given(message, name):
    """The values of a length, one or one a side."""
    sides = [f"{name.removesuffix('_size')}_{side}" for side in "hw"]
    values = {field.name: value for field, value in message.ListFields()}
    if name not in values:
        return [values[side] for side in sides if side in values]
    return list(values[name]) if hasattr(values[name], "extend") else [values[name]]


def _outputs(layer):
    for field in ("convolution_param", "inner_product_param"):
        if layer.HasField(field):
            return str(getattr(layer, field).num_output)
    return ""


def _quoted(text):
    r"""A text in Graphviz's quotes, its ends of lines as ``\n``; what a record would read as its own is escaped."""
    for character in '\\"{}|<>':
        text = text.replace(character, "\\" + character)
    return '"' + text.replace("\n", "\\n") + '"'
