"""A solver prototxt: its nets, policy and the fields that count, and what the engine refuses of it and of its nets."""

from pathlib import Path

from cellseg.engine import policies, updates
from cellseg.engine.caffe_schema import TEST, TRAIN
from cellseg.engine.follow import follow
from cellseg.engine.survey import Problem, survey_net, survey_solver
from cellseg.errors import CellsegError

#: The fields of the nets, which are told apart from the others.
_NETS = ("net", "net_param", "train_net", "train_net_param", "test_net", "test_net_param")


def inspect_solver(path):
    """What a solver prototxt holds.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    dict
        Plain values, as `cellseg inspect --json` prints them.

    Raises
    ------
    CellsegError
        If the file is no solver prototxt; what the engine does not support is in the result.
    """
    solver, problems = survey_solver(path)
    problems += [Problem(line) for line in _refused(solver)]
    nets, unsupported = [], [one._asdict() for one in problems]
    for name in dict.fromkeys([solver.net, solver.train_net, *solver.test_net]):
        if name:
            nets.append({"file": name, "there": Path(name).is_file()})
            unsupported += _of_net(name, _phases(solver, name)) if nets[-1]["there"] else []
    fields = {field.name: _plain(value) for field, value in solver.ListFields() if field.name not in _NETS}
    return {
        "kind": "solver",
        "nets": nets,
        "nets_within": sum(solver.HasField(name) for name in ("net_param", "train_net_param"))
        + len(solver.test_net_param),
        "type": solver.type,
        "lr_policy": policy(solver),
        "fields": fields,
        "tests": _tests(solver),
        "unsupported": unsupported,
    }


def policy(solver):
    """How the learning rate changes, in words."""
    rate, p = f"{solver.base_lr:g}", solver
    return {
        "fixed": f"{rate}, always",
        "step": f"{rate}, times {p.gamma:g} every {p.stepsize} iterations",
        "exp": f"{rate}, times {p.gamma:g} each iteration",
        "inv": f"{rate} * (1 + {p.gamma:g} * iteration) ^ -{p.power:g}",
        "multistep": f"{rate}, times {p.gamma:g} at the iterations {', '.join(map(str, p.stepvalue)) or 'none'}",
        "poly": f"{rate} * (1 - iteration / {p.max_iter}) ^ {p.power:g}",
        "sigmoid": f"{rate} / (1 + exp(-{p.gamma:g} * (iteration - {p.stepsize})))",
    }.get(p.lr_policy, f"{rate}, under the policy '{p.lr_policy}'")


def _refused(solver):
    given = [name for name in ("net", "net_param", "train_net", "train_net_param") if _has(solver, name)]
    if len(given) != 1:
        yield f"the solver gives the net to train {len(given)} times; it must be once"
    yield from policies.problems(solver)
    yield from updates.problems(solver)
    yield from updates.test_problems(solver)


def _has(solver, name):
    return solver.HasField(name) and getattr(solver, name) != ""


def _phases(solver, name):
    """The phases in which a net's file is used."""
    return [TEST] if name in solver.test_net else [TRAIN, TEST] if solver.test_iter else [TRAIN]


def _of_net(path, phases):
    """What is not supported in a net's file."""
    try:
        net, problems = survey_net(path)
        for phase in phases:
            problems += follow(net, phase).problems
    except CellsegError as error:
        return [Problem(str(error))._asdict()]
    return [Problem(f"{path}: {one.what}", one.origin)._asdict() for one in dict.fromkeys(problems)]


def _tests(solver):
    """When and how long each test net is tested."""
    return {"interval": solver.test_interval, "iterations": list(solver.test_iter)} if solver.test_iter else None


def _plain(value):
    if hasattr(value, "ListFields"):
        return {field.name: _plain(one) for field, one in value.ListFields()}
    if hasattr(value, "extend"):
        return [_plain(one) for one in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value
