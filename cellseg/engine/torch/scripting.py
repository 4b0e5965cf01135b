"""What scripts ask of a net beside passes: many rows in batches, hooks around layers, and the numbers of its blobs."""

from itertools import zip_longest

import numpy as np

from cellseg.errors import CellsegError


class Scripting:
    """The part of pycaffe's ``Net`` that only scripts use; a base class of `cellseg.engine.torch.net.Net`."""

    def forward_all(self, blobs=None, **kwargs):
        """Run all rows through the net, a batch after another; the last one is filled up with zeros.

        Parameters
        ----------
        blobs : list of str, optional
            Blobs to return beside the outputs.
        **kwargs : ndarray
            Values for all inputs, by name, of any number of rows.

        Returns
        -------
        dict of str to ndarray
            As many rows as given, of the outputs and `blobs`.

        Raises
        ------
        CellsegError
            If the inputs are others, or an output has no rows, such as a loss.
        """
        rows = self._rows(kwargs)
        return _joined([self._kept(self.forward(blobs, **batch)) for batch in self._batch(kwargs)], rows)

    def forward_backward_all(self, blobs=None, diffs=None, **kwargs):
        """Run all rows forward and backward, a batch after another.

        Parameters
        ----------
        blobs, diffs : list of str, optional
            Blobs to return beside the outputs, and whose gradients to return beside those of the inputs.
        **kwargs : ndarray
            Values for all inputs, and gradients of outputs, by name.

        Returns
        -------
        values, gradients : dict of str to ndarray
            As many rows as given.

        Raises
        ------
        CellsegError
            As of `forward_all`.
        """
        values = {name: kwargs[name] for name in self.inputs if name in kwargs}
        given = {name: value for name, value in kwargs.items() if name not in values}
        rows, outs, gradients = self._rows(values), [], []
        for batch, diff in zip_longest(self._batch(values), self._batch(given) if given else (), fillvalue={}):
            outs.append(self._kept(self.forward(blobs, **batch)))
            gradients.append(self._kept(self.backward(diffs, **diff)))
        return _joined(outs, rows), _joined(gradients, rows)

    def before_forward(self, function):
        """Call ``function(number)`` before each layer of a forward pass; the layers run one by one from then on."""
        self._hook("before_forward", function)

    def after_forward(self, function):
        """The same after each layer of a forward pass."""
        self._hook("after_forward", function)

    def before_backward(self, function):
        """The same before each layer of a backward pass."""
        self._hook("before_backward", function)

    def after_backward(self, function):
        """The same after each layer of a backward pass."""
        self._hook("after_backward", function)

    @property
    def _blob_names(self):
        return list(self.blobs)

    @property
    def _inputs(self):
        return [self._blob_names.index(name) for name in self.inputs]

    @property
    def _outputs(self):
        return [self._blob_names.index(name) for name in self.outputs]

    @property
    def _blob_loss_weights(self):
        return list(self.blob_loss_weights.values())

    def _top_ids(self, number):
        return [self._blob_names.index(name) for name in self._steps[number].top_names]

    def _bottom_ids(self, number):
        return [self._blob_names.index(name) for name in self._steps[number].bottom_names]

    def _forward(self, first, last):
        return float(self.run_forward(first, last))

    def _backward(self, last, first):
        self.run_backward(last, first)

    def _hook(self, when, function):
        if not callable(function):
            raise CellsegError(f"what a net calls is a function of a layer's number, not {function!r}")
        self._hooks[when].append(function)

    def _rows(self, values):
        if not values or set(values) != set(self.inputs):
            raise CellsegError(
                f"the net's inputs are {', '.join(self.inputs)}, but given are {', '.join(values) or 'none'}"
            )
        rows = {name: len(value) for name, value in values.items()}
        if len(set(rows.values())) > 1:
            raise CellsegError(f"the inputs are to have as many rows each, but have {rows}")
        return rows[self.inputs[0]]

    def _batch(self, blobs):
        """Give batches, each a dict of blobs; the last one is filled up with zeros."""
        size = self.blobs[next(iter(blobs))].shape[0]
        for start in range(0, len(next(iter(blobs.values()))), size):
            batch = {name: np.asarray(value[start : start + size]) for name, value in blobs.items()}
            for name, value in batch.items():
                missing = np.zeros((size - len(value), *value.shape[1:]), value.dtype)
                batch[name] = np.concatenate([value, missing]) if len(missing) else value
            yield batch

    def _kept(self, found):
        """Copies of what a pass gave, which the next one overwrites."""
        for name, value in found.items():
            if not value.ndim:
                raise CellsegError(f"'{name}' is one number for a whole batch, not one a row; run batches with forward")
        return {name: value.copy() for name, value in found.items()}


class Watched:
    """A step with functions around it; see `Scripting.before_forward`.

    Parameters
    ----------
    step : cellseg.engine.torch.steps.Step
    number : int
        Of its layer.
    hooks : dict of str to list of callable
    """

    def __init__(self, step, number, hooks):
        self._step, self._number, self._hooks = step, number, hooks

    def forward(self, record):
        """Run the layer forward."""
        self._call("before_forward")
        losses = self._step.forward(record)
        self._call("after_forward")
        return losses

    def backward(self):
        """Run the layer backward."""
        self._call("before_backward")
        self._step.backward()
        self._call("after_backward")

    def _call(self, when):
        for function in self._hooks[when]:
            function(self._number)


def _joined(batches, rows):
    return {name: np.concatenate([batch[name] for batch in batches])[:rows] for name in batches[0]}
