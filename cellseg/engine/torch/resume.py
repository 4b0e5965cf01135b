"""What a solver state of Caffe's leaves out: where the data stood, and the random streams.

It is kept in a small file beside the state, so that a run that goes on ends as one that was never interrupted.
"""

from cellseg.engine.resume import ResumeRecord, path_of, read
from cellseg.engine.torch.context import context
from cellseg.errors import CellsegError
from cellseg.records import write_record


def write(state, digest, nets):
    """Write it for a solver state that is about to be there.

    Parameters
    ----------
    state : str or path
    digest : str
        SHA-256 of that file.
    nets : list of Net
        The training net, then the test nets.
    """
    record = ResumeRecord(
        solverstate_sha256=digest,
        random=context.random.state(),
        rand=context.rand.state(),
        layers=[{layer.name: layer.state() for layer in _stateful(net)} for net in nets],
    )
    write_record(path_of(state, context.rank), record)


def restore(state, nets):
    """Bring data layers and random streams to where they were.

    Raises
    ------
    CellsegError
        If the file was written for other nets.
    """
    record, path = read(state, context.rank), path_of(state, context.rank)
    mine = [{layer.name: layer for layer in _stateful(net)} for net in nets]
    if [set(layers) for layers in mine] != [set(states) for states in record.layers]:
        raise CellsegError(f"{path}: was written for another net; remove it to resume without it")
    try:
        for layers, states in zip(mine, record.layers):
            for name, layer in layers.items():
                layer.set_state(states[name])
        context.random.set_state(record.random)
        context.rand.set_state(record.rand)
    except CellsegError as error:
        raise CellsegError(f"{path}: {error}") from error


def not_kept(nets):
    """Names of the layers, each once, whose place in their data is nowhere kept: Python layers and MemoryData.

    Parameters
    ----------
    nets : list of Net

    Returns
    -------
    list of str
    """
    return list(dict.fromkeys(step.layer.name for net in nets for step in net.steps if step.layer.STARTS_ANEW))


def _stateful(net):
    return [step.layer for step in net.steps if hasattr(step.layer, "state")]
