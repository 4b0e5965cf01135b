"""Learning-rate policies."""

import math

from cellseg.engine.later import later
from cellseg.errors import CellsegError

_log = later("cellseg.engine.torch.log")


def _step(p, iteration, _):
    step = iteration // p.stepsize
    return p.base_lr * p.gamma**step, step


def _multistep(p, iteration, step):
    if step < len(p.stepvalue) and iteration >= p.stepvalue[step]:
        step += 1
        _log.info(f"MultiStep Status: Iteration {iteration}, step = {step}")
    return p.base_lr * p.gamma**step, step


POLICIES = {
    "fixed": lambda p, iteration, step: (p.base_lr, step),
    "step": _step,
    "exp": lambda p, iteration, step: (p.base_lr * p.gamma**iteration, step),
    "inv": lambda p, iteration, step: (p.base_lr * (1 + p.gamma * iteration) ** -p.power, step),
    "multistep": _multistep,
    "poly": lambda p, iteration, step: (p.base_lr * (1 - iteration / p.max_iter) ** p.power, step),
    "sigmoid": lambda p, iteration, step: (p.base_lr / (1 + math.exp(-p.gamma * (iteration - p.stepsize))), step),
}

_NO_END = "the solver's lr_policy 'poly' needs a max_iter of 1 or more"  # 0 does for tests alone


def problems(parameter):
    """What is wrong with a solver's policy: it is unknown, or lacks a field.

    Parameters
    ----------
    parameter : SolverParameter

    Yields
    ------
    str
        A line for each mistake.
    """
    policy = parameter.lr_policy
    if policy not in POLICIES:
        yield f"the solver's lr_policy '{policy}' is not supported; supported are: {', '.join(POLICIES)}"
        return
    if policy in ("step", "sigmoid") and parameter.stepsize < 1:
        yield f"the solver's lr_policy '{policy}' needs a stepsize of 1 or more"
    if policy not in ("fixed", "poly") and parameter.gamma < 0:
        yield f"the solver's gamma is {parameter.gamma:g}; lr_policy '{policy}' needs one of 0 or more"
    if policy == "poly" and (parameter.max_iter < 0 or not parameter.HasField("max_iter")):
        yield _NO_END


def learning_rate(parameter, iteration, current_step):
    """The learning rate of an iteration.

    Parameters
    ----------
    parameter : SolverParameter
    iteration : int
        Updates done before.
    current_step : int
        Steps taken so far, under the policy "multistep".

    Returns
    -------
    rate : float
    current_step : int
    """
    if parameter.lr_policy == "poly" and parameter.max_iter < 1:
        raise CellsegError(_NO_END)
    try:
        rate, current_step = POLICIES[parameter.lr_policy](parameter, iteration, current_step)
    except (OverflowError, ZeroDivisionError):
        return math.nan, current_step
    return math.nan if isinstance(rate, complex) else rate, current_step  # a root of a negative number
