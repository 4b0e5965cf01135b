"""From a net prototxt to the layers of one phase: rules, automatic splits, and who needs a backward pass."""

from collections import Counter

from cellseg.errors import CellsegError


def included(net, phase, level=0, stages=()):
    """The net with the layers whose rules admit a phase, level and stages.

    Parameters
    ----------
    net : NetParameter
    phase : int
    level : int
    stages : sequence of str

    Returns
    -------
    NetParameter

    Raises
    ------
    CellsegError
        If a layer has rules to include and to exclude it.
    """
    result = type(net)()
    result.CopyFrom(net)
    del result.layer[:]
    for layer in net.layer:
        if layer.include and layer.exclude:
            raise CellsegError(f"layer '{layer.name}' ({layer.type}): has include and exclude rules; keep one kind")
        met = any(_meets(rule, phase, level, stages) for rule in (layer.include or layer.exclude))
        if met if layer.include else not met:
            result.layer.add().CopyFrom(layer)
    return result


def _meets(rule, phase, level, stages):
    if rule.HasField("phase") and rule.phase != phase:
        return False
    if rule.HasField("min_level") and level < rule.min_level or rule.HasField("max_level") and level > rule.max_level:
        return False
    return set(rule.stage) <= set(stages) and not set(rule.not_stage) & set(stages)


def with_splits(net):
    """The net with a Split layer behind each blob that is used more than once.

    Layers and blobs are named as Caffe names them. A loss weight counts as a use.

    Parameters
    ----------
    net : NetParameter
        Of one phase.

    Returns
    -------
    NetParameter

    Raises
    ------
    CellsegError
        If a bottom is no top of an earlier layer.
    """
    made, source, uses, weights = {}, {}, Counter(), {}
    for i, layer in enumerate(net.layer):
        for j, name in enumerate(layer.bottom):
            if name not in made:
                raise CellsegError(_unknown(net, i, name))
            source[i, j] = made[name]
            uses[made[name]] += 1
        made.update({name: (i, j) for j, name in enumerate(layer.top)})
        for j, weight in enumerate(layer.loss_weight[: len(layer.top)]):
            weights[i, j] = weight
            uses[i, j] += weight != 0
    result = type(net)()
    result.CopyFrom(net)
    del result.layer[:]
    given = Counter(top for top, weight in weights.items() if weight)
    for i, original in enumerate(net.layer):
        layer = result.layer.add()
        layer.CopyFrom(original)
        for j in range(len(original.bottom)):
            top = source[i, j]
            if uses[top] > 1:
                layer.bottom[j] = f"{_split_name(net, top)}_{given[top]}"
                given[top] += 1
        for j, name in enumerate(original.top):
            if uses[i, j] > 1:
                split = result.layer.add(name=_split_name(net, (i, j)), type="Split", bottom=[name])
                split.top.extend(f"{split.name}_{k}" for k in range(uses[i, j]))
                if weights.get((i, j)):
                    del layer.loss_weight[:]
                    split.loss_weight.extend([weights[i, j]] + [0] * (uses[i, j] - 1))
    return result


def _split_name(net, top):
    layer = net.layer[top[0]]
    return f"{layer.top[top[1]]}_{layer.name}_{top[1]}_split"


def _unknown(net, index, name):
    layer = net.layer[index]
    later = [other.name for other in net.layer[index:] if name in other.top]
    if later:
        why = f"is made only later, by layer '{later[0]}'; order the layers, each after those it uses, without a cycle"
    else:
        why = "is no top of an earlier layer"
    return f"layer '{layer.name}' ({layer.type}): its bottom '{name}' {why}"


def prune(steps, force):
    """Decide which layers run backward and which bottoms get gradients; sets `needed` and `down` of each step.

    A layer runs backward if something upstream, or itself, learns and it contributes to a loss; with `force` all do.

    Parameters
    ----------
    steps : list of cellseg.engine.torch.steps.Step
        In order, with `needed` and `down` as seen from upstream.
    force : bool
        ``force_backward`` of the net.
    """
    under_loss, skipped = set(), set()
    for step in reversed(steps):
        names = {id(top) for top in step.tops}
        contributes = any(step.loss_weights) or bool(names & under_loss)
        if step.needed and names <= skipped:
            step.needed, step.down = False, [False] * len(step.down)
        if not contributes:
            step.needed, step.down = False, [False] * len(step.down)
        bottoms = [id(bottom) for bottom in step.bottoms]
        if contributes:
            under_loss.update(bottoms)
        skipped.update(bottom for bottom, down in zip(bottoms, step.down) if not down)
    if force:
        for step in steps:
            step.needed = True
            step.down = [i not in step.layer.NO_GRADIENT for i in range(len(step.bottoms))]
            step.learn = [True] * len(step.layer.params)
