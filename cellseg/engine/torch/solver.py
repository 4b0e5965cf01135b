"""Solvers: the training loop of Caffe, its log, its snapshots; pycaffe's ``SGDSolver`` and ``get_solver``."""

import time
from pathlib import Path

import numpy as np
import torch

from cellseg.engine import policies, prototxt, updates
from cellseg.engine import resume as resume_file
from cellseg.engine.torch import distributed, memory, resume, snapshot
from cellseg.engine.torch.context import context
from cellseg.engine.torch.log import info, number
from cellseg.engine.torch.net import TEST, TRAIN, Net
from cellseg.engine.weights import read_solver_state
from cellseg.errors import CellsegError
from cellseg.files import make_folder, replacing, sha256
from cellseg.interrupts import put_off

_HDF5 = 0


class Solver:
    """A training net, its test nets, and how to train.

    Parameters
    ----------
    solver_file : str or path
        Solver prototxt.

    Attributes
    ----------
    param : SolverParameter
    net : Net
    test_nets : list of Net
    iter : int
        Updates done.

    Raises
    ------
    CellsegError
        If a prototxt cannot be read, or a type or field is not supported.
    """

    #: The solver type that a subclass insists on.
    TYPE = None

    def __init__(self, solver_file):
        distributed.join()
        self.param = prototxt.read_solver(solver_file)
        if self.TYPE:
            self.param.type = self.TYPE
        _refuse_first(policies.problems(self.param))
        _refuse_first(updates.problems(self.param))
        if self.param.debug_info:
            info("debug_info is not supported and left out")
        if self.param.random_seed >= 0:
            context.random.seed(self.param.random_seed + context.rank)
        if self.param.snapshot or self.param.snapshot_after_train:
            make_folder(Path(self.param.snapshot_prefix).parent)
        self.net = self._make_net(self._train_net(), TRAIN, self.param.train_state)
        self.test_nets = self._make_test_nets() if context.rank == 0 else []
        self.iter, self._current_step = 0, 0
        _, histories = updates.TYPES[self.param.type]
        blobs = self.net.parameters.learnable
        self.net.check_memory(histories)
        self._history = [[torch.zeros_like(blob.tensor) for blob in blobs] for _ in range(histories)]
        self._losses, self._pending, self._seen = [], [], 0
        self._callbacks = []
        if self.param.weights:
            for path in ",".join(self.param.weights).split(","):
                self.net.copy_from(path)

    @property
    def lr(self):
        """float: the learning rate of the next update."""
        return float(np.float32(policies.learning_rate(self.param, self.iter, self._current_step)[0]))

    def add_callback(self, on_start, on_gradients_ready):
        """Call functions without arguments in each iteration: before its passes, and before its update."""
        for function in (on_start, on_gradients_ready):
            if not callable(function):
                raise CellsegError(f"a callback of a solver is a function, not {function!r}")
        self._callbacks.append((on_start, on_gradients_ready))

    def share_weights(self, net):
        """Let the training net use the parameters of another one; see `cellseg.engine.torch.net.Net.share_with`."""
        self.net.share_with(net)

    def step(self, iterations):
        """Train for a number of iterations, testing, logging and writing snapshots as the solver says.

        Parameters
        ----------
        iterations : int
        """
        self._losses, self._pending, self._seen = [], [], 0
        self._last_shown, self._clock = self.iter, time.perf_counter()
        distributed.spread([blob.tensor for blob in self.net.parameters.learnable])
        for _ in range(iterations):
            with put_off():
                self._iterate()
            distributed.end_if_asked()

    def solve(self, state=None):
        """Train to the end: ``max_iter``.

        Parameters
        ----------
        state : str or path, optional
            ``.solverstate`` to go on from.
        """
        p = self.param
        self._info(f"Solving {self.net.name}")
        self._info(f"Learning Rate Policy: {p.lr_policy}")
        if state:
            self.restore(state)
        self.step(p.max_iter - self.iter)
        if p.snapshot_after_train and (not p.snapshot or self.iter % p.snapshot):
            self.snapshot()
        if p.display and self.iter % p.display == 0:
            self._pending.append(self.net.run_forward(record=False))
            self._info(f"Iteration {self.iter}, loss = {number(self._smoothed())}")
        if p.test_interval and self.iter % p.test_interval == 0:
            self._test_all()
        self._info("Optimization Done.")

    def apply_update(self):
        """Change the parameters after their gradients: clip, normalise, regularise, then the solver type's rule.

        It counts as an iteration, as in Caffe: `iter` grows by one.
        """
        with memory.enough():
            self._update()
        self.iter += 1

    def _update(self):
        p, known = self.param, self.net.parameters
        found = {i: g for i, g in enumerate(blob.gradient_or_none for blob in known.learnable) if g is not None}
        found = dict(zip(found, distributed.average(list(found.values()))))
        rate, self._current_step = policies.learning_rate(p, self.iter, self._current_step)
        if p.display and self.iter % p.display == 0:
            self._info(f"Iteration {self.iter}, lr = {number(np.float32(rate))}")
        scale = self._clipping(found.values())
        rule, _ = updates.TYPES[p.type]
        for index, blob in enumerate(known.learnable):
            local_rate = float(np.float32(rate) * np.float32(known.lr_mult[index]))
            decay = float(np.float32(p.weight_decay) * np.float32(known.decay_mult[index]))
            weights = blob.tensor
            gradient = found.get(index)
            if gradient is None:
                gradient = torch.zeros_like(weights)
            if scale != 1:
                gradient = gradient * scale
            if p.iter_size > 1:
                gradient = gradient / p.iter_size
            if decay:
                gradient = gradient.add(updates.penalty(weights, p), alpha=decay)
            update = rule(gradient, [history[index] for history in self._history], local_rate, p, self.iter)
            weights.sub_(update)
            blob.later_gradient(update.clone)

    def snapshot(self):
        """Write weights, solver state, and what the state leaves out; each beside first, then renamed."""
        suffix = ".h5" if self.param.snapshot_format == _HDF5 else ""
        stem = f"{self.param.snapshot_prefix}_iter_{self.iter}"
        weights, state = f"{stem}.caffemodel{suffix}", f"{stem}.solverstate{suffix}"
        if context.rank == 0:
            kind = "HDF5" if suffix else "binary proto"
            write_weights = snapshot.write_weights_hdf5 if suffix else snapshot.write_weights
            write_state = snapshot.write_state_hdf5 if suffix else snapshot.write_state
            self._info(f"Snapshotting to {kind} file {weights}")
            self._info(f"Snapshotting solver state to {kind} file {state}")
            history = [array.cpu().numpy() for group in self._history for array in group]
            with replacing(state) as new_state, replacing(weights) as new_weights:  # all is renamed, or nothing
                write_weights(new_weights, self.net, self.param.snapshot_diff)
                write_state(new_state, self.iter, weights, self._current_step, history)
                resume.write(state, sha256(new_state), [self.net, *self.test_nets])
        distributed.wait()
        if context.rank:
            resume.write(state, sha256(state), [self.net])

    def restore(self, state):
        """Go on from a ``.solverstate``: weights, history and iteration, and with the file beside it all the rest.

        Parameters
        ----------
        state : str or path

        Raises
        ------
        CellsegError
            If it cannot be read, or was written for another net or solver type.
        """
        found = read_solver_state(state)
        slots = [(group, index) for group in self._history for index in range(len(group))]
        if [array.shape for array in found.history] != [tuple(group[index].shape) for group, index in slots]:
            raise CellsegError(
                f"{state}: its history of {len(found.history)} blobs does not fit the {len(slots)} of this net and "
                f"solver type {self.param.type}; give the solver with which it was written"
            )
        self.net.copy_from(found.weights)
        self.iter, self._current_step = found.iteration, found.current_step
        for (group, index), array in zip(slots, found.history):
            group[index].copy_(torch.from_numpy(array))
        why_not = resume_file.why_not(state, context.rank)
        if why_not:
            self._info(f"Restored weights and history alone, as Caffe does; the data starts anew ({why_not})")
        else:
            nets = [self.net, *self.test_nets]
            resume.restore(state, nets)
            path = resume_file.path_of(state, context.rank)
            self._info(f"Restored weights, history, data position and random streams ({path})")
            for name in resume.not_kept(nets):
                self._info(f"Layer {name} starts anew: only its parameters are kept")

    def _iterate(self):
        p = self.param
        self.net.clear_param_diffs()
        if p.test_interval and self.iter % p.test_interval == 0 and (self.iter > 0 or p.test_initialization):
            self._test_all()
        for on_start, _ in self._callbacks:
            on_start()
        self._pending.append(self._forward_backward())
        if p.display and self.iter % p.display == 0:
            self._show_progress()
        for _, on_gradients_ready in self._callbacks:
            on_gradients_ready()
        self.apply_update()
        if p.snapshot and self.iter % p.snapshot == 0:
            self.snapshot()

    def _show_progress(self):
        seconds = time.perf_counter() - self._clock
        speed = (self.iter - self._last_shown) / (seconds or 1)
        self._info(
            f"Iteration {self.iter} ({number(speed)} iter/s, {number(seconds)}s/{self.param.display} iters), "
            f"loss = {number(self._smoothed())}"
        )
        self._last_shown, self._clock = self.iter, time.perf_counter()
        self._show_outputs("Train", self.net, self._outputs(self.net))

    def _forward_backward(self):
        total = 0
        for _ in range(self.param.iter_size):
            total = total + self.net.run_forward()
            self.net.run_backward()
        return total / self.param.iter_size

    def _smoothed(self):
        """Take in the losses since the last look; the mean of the last ``average_loss`` of them."""
        for loss in self._pending:
            if len(self._losses) < self.param.average_loss:
                self._losses.append(float(loss))
            else:
                self._losses[self._seen % self.param.average_loss] = float(loss)
            self._seen += 1
        self._pending = []
        return float(np.mean(self._losses))

    def _clipping(self, gradients):
        """The factor by which gradients are too large for ``clip_gradients``; 1 if they are not."""
        limit = self.param.clip_gradients
        if limit < 0 or not gradients:
            return 1
        norm = float(torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt())
        if norm <= limit:
            return 1
        self._info(
            f"Gradient clipping: scaling down gradients (L2 norm {number(norm)} > {number(limit)}) "
            f"by scale factor {number(limit / norm)}"
        )
        return limit / norm

    def _test_all(self):
        for index, net in enumerate(self.test_nets):
            self._info(f"Iteration {self.iter}, Testing net (#{index})")
            net.share_with(self.net)
            rounds = self.param.test_iter[index]
            sums, loss = None, 0
            for _ in range(rounds):
                loss = loss + net.run_forward(record=False)
                outputs = self._outputs(net)
                sums = [old + new for old, new in zip(sums, outputs)] if sums else outputs
            if self.param.test_compute_loss:
                self._info(f"Test loss: {number(loss / rounds)}")
            self._show_outputs("Test", net, [total / rounds for total in sums or ()])

    @staticmethod
    def _outputs(net):
        return [net.blobs[name].tensor.float() for name in net.outputs]

    def _show_outputs(self, kind, net, values):
        weights = net.blob_loss_weights
        count = 0
        for name, tensor in zip(net.outputs, values):
            for value in tensor.flatten().tolist():
                weight = weights[name]
                share = f" (* {number(weight)} = {number(weight * value)} loss)" if weight else ""
                self._info(f"    {kind} net output #{count}: {name} = {number(value)}{share}")
                count += 1

    @staticmethod
    def _info(text):
        if context.rank == 0:
            info(text)

    def _train_net(self):
        p = self.param
        path = p.train_net or p.net
        return prototxt.read_net(path) if path else p.train_net_param if p.HasField("train_net_param") else p.net_param

    def _make_test_nets(self):
        p = self.param
        nets = [*p.test_net_param, *(prototxt.read_net(path) for path in p.test_net)]
        generic = p.net_param if p.HasField("net_param") else prototxt.read_net(p.net) if p.net else None
        missing = len(p.test_iter) - len(nets)
        _refuse_first(updates.test_problems(p))
        nets += [generic] * missing
        states = list(p.test_state)
        return [self._make_net(net, TEST, states[i] if states else None) for i, net in enumerate(nets)]

    @staticmethod
    def _make_net(parameter, phase, state):
        merged = type(parameter.state)(phase=phase)
        merged.MergeFrom(parameter.state)
        if state is not None:
            merged.MergeFromString(state.SerializeToString())  # the solver's may be of another schema
        return Net.from_parameter(parameter, merged.phase, merged.level, merged.stage)


def _refuse_first(problems):
    """Raise a `CellsegError` with the first of some mistakes, if there is one."""
    for problem in problems:
        raise CellsegError(problem)


def _of_type(name, base=Solver):
    return type(
        f"{name}Solver", (base,), {"TYPE": name, "__doc__": f"A solver of type {name}, whatever its file says."}
    )


SGDSolver = _of_type("SGD")
# As in pycaffe, the other types are kinds of SGDSolver.
NesterovSolver, AdaGradSolver = _of_type("Nesterov", SGDSolver), _of_type("AdaGrad", SGDSolver)
RMSPropSolver, AdaDeltaSolver = _of_type("RMSProp", SGDSolver), _of_type("AdaDelta", SGDSolver)
AdamSolver = _of_type("Adam", SGDSolver)
_BY_TYPE = {
    kind.TYPE: kind for kind in (SGDSolver, NesterovSolver, AdaGradSolver, RMSPropSolver, AdaDeltaSolver, AdamSolver)
}


def get_solver(solver_file):
    """Make a solver of the type that its file names, which is also its class: `SGDSolver`, `AdamSolver`, and so on.

    Parameters
    ----------
    solver_file : str or path

    Returns
    -------
    Solver

    Raises
    ------
    CellsegError
        See `Solver`.
    """
    named = prototxt.read_solver(solver_file).type
    return _BY_TYPE.get(named, Solver)(solver_file)  # which refuses an unknown type
