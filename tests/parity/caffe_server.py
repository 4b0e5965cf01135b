"""Real Caffe as a server: one process of its Python (`.caffe/`, or the image) that runs a net for each request.

Every request runs in a fork of that process, so that what makes Caffe abort is an exception here.
"""

import io
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PYTHON = Path(os.environ.get("CELLSEG_PYTHON") or Path(__file__).resolve().parents[2] / ".caffe" / "bin" / "python")


class Refused(Exception):
    """Real Caffe aborted; the text is its reason."""


class CaffeServer:
    """The client. Use it as a context manager."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [str(PYTHON), str(Path(__file__).resolve())],
            cwd=self._folder.name,
            env={**os.environ, "GLOG_minloglevel": "2", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *exception):
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()
        self._folder.cleanup()

    def run(self, text, feeds=None, params=None, diffs=None, **options):
        """Build a net, run it forward and (unless ``backward=False``) backward.

        Parameters
        ----------
        text : str
            Net prototxt.
        feeds, diffs : dict of str to ndarray, optional
            Values of blobs, set before the forward pass, and gradients, set before the backward pass.
        params : dict of str to list of ndarray, optional
            Values of parameters, by layer.
        **options
            phase (0, TRAIN, by default), seed, backward (True).

        Returns
        -------
        dict of str to ndarray
            "data BLOB", "diff BLOB", "param LAYER INDEX" and "param diff LAYER INDEX".

        Raises
        ------
        Refused
        """
        arrays = {f"feed {name}": value for name, value in (feeds or {}).items()}
        arrays.update({f"diff {name}": value for name, value in (diffs or {}).items()})
        arrays.update({f"param {name} {i}": v for name, vs in (params or {}).items() for i, v in enumerate(vs)})
        return self._ask(dict(options, kind="run", text=text), arrays)

    def shapes(self, text, sizes):
        """The shapes of all blobs of a net with an input "x", for each of some shapes of that input.

        Returns
        -------
        list of dict of str to tuple of int

        Raises
        ------
        Refused
        """
        found = self._ask({"kind": "shapes", "text": text, "sizes": sizes}, {})
        table = json.loads(str(found["shapes"]))
        return [{name: tuple(shape) for name, shape in row.items()} for row in table]

    def _ask(self, request, arrays):
        _send(self._process.stdin, {"request": json.dumps(request), **arrays})
        answer = _receive(self._process.stdout)
        if "refused" in answer:
            raise Refused(str(answer["refused"]))
        return answer


def _send(stream, arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    stream.write(struct.pack("<Q", buffer.tell()) + buffer.getvalue())
    stream.flush()


def _receive(stream):
    head = stream.read(8)
    if len(head) < 8:
        return None
    with np.load(io.BytesIO(stream.read(struct.unpack("<Q", head)[0]))) as arrays:
        return dict(arrays)


def _serve():
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    import caffe

    caffe.set_mode_cpu()
    while True:
        arrays = _receive(sys.stdin.buffer)
        if arrays is None:
            break
        complaint, answer = os.path.abspath("complaint"), os.path.abspath("answer.npz")
        child = os.fork()
        if child == 0:
            os.dup2(os.open(complaint, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            np.savez(answer, **_answer(caffe, arrays))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            with open(complaint, errors="replace") as file:
                _send(answers, {"refused": _reason(file.read())})
        else:
            with np.load(answer) as found:
                _send(answers, dict(found))


def _answer(caffe, arrays):
    request = json.loads(str(arrays.pop("request")))
    with open("net.prototxt", "w") as file:
        file.write(request["text"])
    if request.get("seed") is not None:
        caffe.set_random_seed(request["seed"])
    net = caffe.Net("net.prototxt", request.get("phase", 0))
    if request["kind"] == "shapes":
        return {"shapes": json.dumps([_shapes(net, size) for size in request["sizes"]])}
    for key, value in arrays.items():
        kind, name = key.split(" ", 1)
        if kind == "feed":
            net.blobs[name].data[...] = value
        elif kind == "param":
            layer, index = name.rsplit(" ", 1)
            net.params[layer][int(index)].data[...] = value
    net.forward()
    for key, value in arrays.items():
        if key.startswith("diff "):
            net.blobs[key[5:]].diff[...] = value
    if request.get("backward", True):
        net.backward()
    return everything(net)


def _shapes(net, size):
    net.blobs["x"].reshape(*size)
    net.reshape()
    return {name: list(blob.data.shape) for name, blob in net.blobs.items()}


def everything(net):
    """All values and gradients of a net, of either engine, as `CaffeServer.run` names them."""
    found = {}
    for name, blob in net.blobs.items():
        found[f"data {name}"], found[f"diff {name}"] = blob.data, blob.diff
    for name, blobs in net.params.items():
        for index, blob in enumerate(blobs):
            found[f"param {name} {index}"], found[f"param diff {name} {index}"] = blob.data, blob.diff
    return found


def _reason(text):
    fatal = re.findall(r"^F\d+ .*?\] (.*)", text, re.MULTILINE)
    return fatal[0] if fatal else (text.strip().splitlines() or ["it died without a word"])[-1]


if __name__ == "__main__":
    _serve()
