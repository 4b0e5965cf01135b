"""The facts of `cellseg.inspection.inspect` as lines for a terminal."""

from cellseg import memory
from cellseg.engine.layers.forks import FORKS
from cellseg.inspection import kinds


def lines(found):
    """A file's facts.

    Parameters
    ----------
    found : dict
        As from `cellseg.inspection.inspect.inspect`.

    Yields
    ------
    str
        Lines; the first names the file and its kind.
    """
    yield f"{found['file']}: {found['kind']}"
    yield from (f"  {line}" for line in _OF[found["kind"]](found))


def _net(found):
    yield f"name '{found['name']}', phase {found['phase']}"
    for name, shape in found["inputs"].items():
        yield f"input {name}: {_shape(shape)}"
    yield from _table([_layer(row) for row in found["layers"]])
    if not found["layers"]:
        yield "its layers cannot be followed"
    if found["layers_of_other_phases"]:
        yield f"{found['layers_of_other_phases']} more layers belong to another phase, level or stage"
    for name, facts in found["outputs"].items():
        yield f"output {name}: {_shape(facts['shape'])}{_reach(facts)}"
    least = "" if found["all_shapes_known"] else "at least "
    yield f"parameters: {least}{_many(found['parameters'])}, {_many(found['trainable'])} of them trainable"
    yield f"multiply-adds of a forward pass: {least}{_many(found['multiply_adds'])}"
    forward, training = (memory.shown(found[f"bytes_of_a_{one}_pass"]) for one in ("forward", "training"))
    yield f"memory: {least}{forward} forward, {training} with gradients; what a solver remembers comes on top"
    for fork, types in found["forks"].items():
        yield f"as in the fork '{fork}' ({FORKS[fork].about}): {', '.join(types)}"
    yield from (f"note: {note}" for note in found["notes"])
    yield from _unsupported(found)


def _layer(row):
    shapes = ", ".join(map(_shape, row["shapes"])) if row["shapes"] is not None else "?"
    kind = row["type"] + (f" ({row['fork']})" if row["fork"] else "")
    way = f"{', '.join(row['bottoms'])} -> {', '.join(row['tops'])}" if row["bottoms"] else ", ".join(row["tops"])
    return row["name"], kind, way, shapes, ", ".join(map(_shape, row["parameters"]))


def _reach(facts):
    if "stride" not in facts:
        return ""
    sees = "the whole image" if facts["sees"] is None else f"{facts['sees']}x{facts['sees']} pixels"
    return f", stride {'x'.join(f'{side:g}' for side in dict.fromkeys(facts['stride']))}, a unit sees {sees}"


def _solver(found):
    yield f"type {found['type']}, learning rate {found['lr_policy']}"
    for net in found["nets"]:
        yield f"net {net['file']}{'' if net['there'] else ': not there, seen from this folder'}"
    if found["nets_within"]:
        yield f"{found['nets_within']} nets in the file itself"
    tests = found["tests"]
    if tests:
        yield f"tests every {tests['interval']} iterations, with {', '.join(map(str, tests['iterations']))} batches"
    for name, value in found["fields"].items():
        if name not in ("type", "test_iter", "test_interval"):
            yield f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
    yield from _unsupported(found)


def _unsupported(found):
    if not found["unsupported"]:
        yield "the embedded engine knows all of it"
        return
    yield f"refused by the embedded engine: {len(found['unsupported'])}"
    for one in found["unsupported"]:
        origin = one["origin"]
        yield f"  {one['what']}{f' (it is of {origin})' if origin and origin not in one['what'] else ''}"


def _weights(found):
    yield from _table([(name, ", ".join(map(_shape, shapes))) for name, shapes in found["layers"].items()])
    yield f"{len(found['layers'])} layers, {_many(found['parameters'])} parameters"
    if "fit" not in found:
        return
    fit = found["fit"]
    yield f"in {fit['net']}: {len(fit['copied'])} of {len(found['layers'])} layers are copied"
    for name, (held, needed) in fit["differ"].items():
        yield f"{name}: {', '.join(map(_shape, held))} here, {', '.join(map(_shape, needed))} in the net: refused"
    for key, words in (("only_in_the_weights", "not in the net"), ("only_in_the_net", "not in the weights")):
        if fit[key]:
            yield f"{words}: {', '.join(fit[key])}"


def _state(found):
    yield f"iteration {found['iteration']}, weights {found['weights']}, step {found['current_step']} of the rate"
    yield f"{found['histories']} arrays of earlier gradients, {_many(found['numbers'])} numbers"


def _blob(found):
    yield f"{_shape(found['shape'])}, values from {found['least']:g} to {found['most']:g}"
    if found["channel_means"]:
        yield f"means of the channels: {', '.join(f'{mean:.6g}' for mean in found['channel_means'])}"


def _hdf5(found):
    yield from _datasets(found["datasets"])


def _list(found):
    for one in found["files"]:
        yield f"{one['file']}"
        yield from (f"  {line}" for line in _datasets(one["datasets"]))
    rows = ", ".join(f"{name} {number}" for name, number in found["rows"].items())
    yield f"rows of all files: {rows}" + ("" if found["alike"] else "; the files differ in their datasets or shapes")


def _datasets(datasets):
    for one in datasets:
        span = f", values from {one['least']:g} to {one['most']:g}" if "least" in one else ""
        if "values" in one:
            span = f", values {', '.join(map(str, one['values']))}"
        yield f"{one['name']}: {_shape(one['shape'])}, {one['type']}{span}"


def _log(found):
    first, last = found["iterations"]
    yield f"iterations {first} to {last}"
    if found["losses"]:
        yield f"loss: {found['losses']['shown']} times, {_span(found['losses'])}"
    if found["learning_rate"]:
        yield "learning rate: {:g} at the start, {:g} at the end".format(*found["learning_rate"])
    for one in found["tests"]:
        yield f"test net {one['net']}, {one['output']}: {one['times']} times, {_span(one)}"


def _span(one):
    return f"{one['first']:g} at first, {one['last']:g} at last, {one['least']:g} to {one['most']:g}"


def _table(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip()


def _shape(shape):
    return "?" if shape is None else "x".join(map(str, shape)) or "1 number"


def _many(number):
    return f"{number:,}".replace(",", " ")


_OF = {
    kinds.NET: _net,
    kinds.SOLVER: _solver,
    kinds.WEIGHTS: _weights,
    kinds.STATE: _state,
    kinds.BLOB: _blob,
    kinds.HDF5: _hdf5,
    kinds.LIST: _list,
    kinds.LOG: _log,
}
