"""Real Caffe as a server: one child process that runs a net for each request; its half runs under Python 3.9.

Every request runs in a fork of that process: what makes Caffe abort is an exception here, and costs no new start.
"""

import os
import pickle
import tempfile

import numpy as np

from cellseg.engine.process import Child, caffe_message

#: One, unless the environment says otherwise (see tests/conftest.py).
THREADS = int(os.environ.get("OPENBLAS_NUM_THREADS") or 1)


class Refused(Exception):
    """Real Caffe aborted; the text is its reason."""


class CaffeServer:
    """The client. Use it as a context manager."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._child = Child("caffe", threads=THREADS, folder=self._folder.name)
        return self

    def __exit__(self, *exception):
        self._child.close()
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
        return self._ask(_run, text, feeds or {}, params or {}, diffs or {}, options)

    def shapes(self, text, sizes):
        """The shapes of all blobs of a net with an input "x", for each of some shapes of that input.

        Returns
        -------
        list of dict of str to tuple of int

        Raises
        ------
        Refused
        """
        return self._ask(_shapes, text, sizes)

    def script(self, script, **given):
        """Run a script that has `caffe`, `np` and the dict `given`; gives the dict `found` that it fills.

        Raises
        ------
        Refused
        """
        return self._ask(_script, script, given)

    def _ask(self, function, *arguments):
        done, answer = self._child.call(_in_a_fork, function.__name__, *arguments)
        if not done:
            raise Refused(answer)
        return answer


def _in_a_fork(name, *arguments):
    """Call a function of this module in a fork of this process: whether it ended, and its result or Caffe's reason."""
    import caffe

    caffe.set_mode_cpu()
    with tempfile.TemporaryFile() as messages, tempfile.TemporaryFile() as result:
        child = os.fork()
        if child == 0:
            os.dup2(messages.fileno(), 2)
            pickle.dump(globals()[name](caffe, *arguments), result)
            result.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        messages.seek(0)
        result.seek(0)
        if status:
            return False, caffe_message(messages.read().decode("utf-8", "replace")) or "it died without a word"
        return True, pickle.load(result)


def _net(caffe, text, phase=0):
    with open("net.prototxt", "w") as file:
        file.write(text)
    return caffe.Net("net.prototxt", phase)


def _run(caffe, text, feeds, params, diffs, options):
    if options.get("seed") is not None:
        caffe.set_random_seed(options["seed"])
    net = _net(caffe, text, options.get("phase", 0))
    for name, value in feeds.items():
        net.blobs[name].data[...] = value
    for name, values in params.items():
        for blob, value in zip(net.params[name], values):
            blob.data[...] = value
    net.forward()
    for name, value in diffs.items():
        net.blobs[name].diff[...] = value
    if options.get("backward", True):
        net.backward()
    return everything(net)


def _script(caffe, script, given):
    found = {}
    exec(script, {"caffe": caffe, "np": np, "given": given, "found": found})
    return found


def _shapes(caffe, text, sizes):
    net, found = _net(caffe, text), []
    for size in sizes:
        net.blobs["x"].reshape(*size)
        net.reshape()
        found.append({name: tuple(blob.data.shape) for name, blob in net.blobs.items()})
    return found


def everything(net):
    """All values and gradients of a net, of either engine, as `CaffeServer.run` names them."""
    found = {}
    for name, blob in net.blobs.items():
        found[f"data {name}"], found[f"diff {name}"] = blob.data, blob.diff
    for name, blobs in net.params.items():
        for index, blob in enumerate(blobs):
            found[f"param {name} {index}"], found[f"param diff {name} {index}"] = blob.data, blob.diff
    return found
