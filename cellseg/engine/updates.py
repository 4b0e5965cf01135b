"""The solver types: from a gradient to what is subtracted from a parameter.

Each function takes the gradient ``g``, the parameter's histories ``h``, the local learning rate, the solver's
parameter and the iteration; it changes the histories in place and returns the update.
"""

import math


def _sgd(g, h, rate, p, iteration):
    return h[0].mul_(p.momentum).add_(g, alpha=rate)


def _nesterov(g, h, rate, p, iteration):
    before = h[0].clone()
    _sgd(g, h, rate, p, iteration)
    return h[0].mul(1 + p.momentum).sub_(before, alpha=p.momentum)


def _adagrad(g, h, rate, p, iteration):
    h[0].addcmul_(g, g)
    return g.div(h[0].sqrt().add_(p.delta)).mul_(rate)


def _rmsprop(g, h, rate, p, iteration):
    h[0].mul_(p.rms_decay).addcmul_(g, g, value=1 - p.rms_decay)
    return g.div(h[0].sqrt().add_(p.delta)).mul_(rate)


def _adadelta(g, h, rate, p, iteration):
    h[0].mul_(p.momentum).addcmul_(g, g, value=1 - p.momentum)
    update = h[1].add(p.delta).div_(h[0] + p.delta).sqrt_().mul_(g)
    h[1].mul_(p.momentum).addcmul_(update, update, value=1 - p.momentum)
    return update.mul_(rate)


def _adam(g, h, rate, p, iteration):
    correction = math.sqrt(1 - p.momentum2 ** (iteration + 1)) / (1 - p.momentum ** (iteration + 1))
    h[0].mul_(p.momentum).add_(g, alpha=1 - p.momentum)
    h[1].mul_(p.momentum2).addcmul_(g, g, value=1 - p.momentum2)
    return h[0].div(h[1].sqrt().add_(p.delta)).mul_(rate * correction)


_MOST = 10**6  # losses to average, or batches an iteration

#: Solver type: its function and how many histories a parameter has.
TYPES = {
    "SGD": (_sgd, 1),
    "Nesterov": (_nesterov, 1),
    "AdaGrad": (_adagrad, 1),
    "RMSProp": (_rmsprop, 1),
    "AdaDelta": (_adadelta, 2),
    "Adam": (_adam, 2),
}


def problems(parameter):
    """What is wrong with a solver: its type is unknown, or fields do not suit its type, its nets or what they count.

    Parameters
    ----------
    parameter : SolverParameter

    Yields
    ------
    str
        A line for each mistake.
    """
    if parameter.type not in TYPES:
        yield f"the solver type '{parameter.type}' is not supported; supported are: {', '.join(TYPES)}"
    if parameter.type in ("AdaGrad", "RMSProp") and parameter.momentum:
        yield f"the solver type {parameter.type} takes no momentum; remove it"
    if parameter.type == "RMSProp" and not 0 <= parameter.rms_decay < 1:
        yield f"the solver's rms_decay is {parameter.rms_decay:g}; give one from 0 to below 1"
    if parameter.type in ("Adam", "AdaDelta"):
        for name in ("momentum", "momentum2")[: 1 + (parameter.type == "Adam")]:
            value = getattr(parameter, name)
            if not 0 <= value < 1:
                yield f"the solver's {name} is {value:g}; {parameter.type} takes one from 0 to below 1"
    for name in ("base_lr", "momentum", "weight_decay", "delta", "clip_gradients"):
        if not math.isfinite(getattr(parameter, name)):
            yield f"the solver's {name} is {getattr(parameter, name):g}; give a number"
    for name in ("average_loss", "iter_size"):
        if not 1 <= getattr(parameter, name) <= _MOST:
            yield f"the solver's {name} is {getattr(parameter, name)}; give 1 to {_MOST}"
    for rounds in parameter.test_iter:
        if rounds < 1:
            yield f"the solver's test_iter is {rounds}; give 1 or more"
    for name in ("max_iter", "display", "snapshot", "test_interval"):
        if getattr(parameter, name) < 0:
            yield f"the solver's {name} is {getattr(parameter, name)}; give 0 or more"
    if parameter.regularization_type not in ("L1", "L2"):
        yield f"the regularization_type '{parameter.regularization_type}' is not supported; give L1 or L2"


def test_problems(parameter):
    """The same of a solver's tests.

    Parameters
    ----------
    parameter : SolverParameter

    Yields
    ------
    str
    """
    p = parameter
    named, states = len(p.test_net_param) + len(p.test_net), len(p.test_state)
    missing, generic = len(p.test_iter) - named, p.HasField("net_param") or bool(p.net)
    if missing < 0 or (missing and not generic):
        yield f"the solver names {named} test nets and gives test_iter {len(p.test_iter)} times"
    if len(p.test_iter) and p.test_interval < 1:
        yield "the solver has test nets, but no test_interval of 1 or more"
    if states and states != len(p.test_iter):
        yield f"the solver gives test_state {states} times for {len(p.test_iter)} test nets"


def penalty(weights, parameter):
    """What regularisation adds to a gradient, for each unit of weight decay.

    Parameters
    ----------
    weights : torch.Tensor
    parameter : SolverParameter
    """
    return weights.sign() if parameter.regularization_type == "L1" else weights
