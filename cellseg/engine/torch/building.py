"""From a net prototxt to steps that run: layers with their blobs and parameters, and who gets gradients."""

from collections import OrderedDict

from cellseg.engine import forks, graph, layers
from cellseg.engine.torch.blob import Blob
from cellseg.engine.torch.fusing import fused
from cellseg.engine.torch.labels import check_labels
from cellseg.engine.torch.log import info
from cellseg.engine.torch.memory import check
from cellseg.engine.torch.sharing import Parameters
from cellseg.engine.torch.steps import Step


class Building:
    """A net as it is put together.

    Parameters
    ----------
    parameter : NetParameter
    phase, level : int
    stages : sequence of str

    Attributes
    ----------
    parameter : NetParameter
        Of the phase, with the Split layers that Caffe inserts.
    blobs : OrderedDict of str to Blob
    steps : list of Step
        One a layer.
    plan : list of (Step or FusedStep)
        What runs.
    parameters : Parameters
    inputs, outputs : list of str
    """

    def __init__(self, parameter, phase, level, stages):
        self.parameter = graph.with_splits(graph.included(parameter, phase, level, stages))
        self.blobs, self.steps, self.inputs = OrderedDict(), [], []
        for line in forks.in_words(self.parameter):
            info(line)
        self.parameters = Parameters()
        self._unused, self._gradient_at = OrderedDict(), {}
        self._equipped = 0
        for layer_parameter in self.parameter.layer:
            self._place(layers.make(layer_parameter, phase))
        self._equip_all(phase)
        self.outputs = sorted(self._unused)
        graph.prune(self.steps, self.parameter.force_backward)
        self.plan = fused(self.steps)
        check_labels(self.steps)
        for step in self.steps:
            info(f"{step.layer.name} {'needs' if step.needed else 'does not need'} backward computation.")
        for name in self.outputs:
            info(f"This network produces output {name}")
        info("Network initialization done.")

    def _place(self, layer):
        """Find a layer's bottoms, make its tops, set it up, and shape it. Takes no memory, but for files of data."""
        info(f"Creating Layer {layer.name}")
        parameter = layer.parameter
        bottom_names, top_names = list(parameter.bottom), list(parameter.top)
        if layer.LOSS and not top_names:
            top_names = ["(automatic)"]
        layer.check_numbers()
        bottoms = [self.blobs[name] for name in bottom_names]
        for name in bottom_names:
            self._unused.pop(name, None)
        tops = [self._top(layer, i, name, bottom_names) for i, name in enumerate(top_names)]
        self._unused.update(dict.fromkeys(parameter.top, True))
        step = Step(layer, bottoms, tops, bottom_names, top_names)
        if parameter.propagate_down and len(parameter.propagate_down) != len(bottoms):
            layer.fail(f"propagate_down is given for {len(parameter.propagate_down)} of {len(bottoms)} bottoms")
        layer.connect(bottoms, tops)
        layer.setup([bottom.shape for bottom in bottoms])
        if layer.SHAPED_BY_FILES:
            self._equip_all(layer.phase)  # they draw their random numbers first
            layer.open()
        step.weigh()
        step.shape()
        if hasattr(layer, "in_place"):
            layer.in_place = bool(tops) and bool(bottoms) and tops[0] is bottoms[0] and self._may_overwrite(tops[0])
        if layer.type == "Input":
            self.inputs += top_names
        self.steps.append(step)

    def _equip_all(self, phase):
        """Equip the layers that have found their places since."""
        check(self.steps, phase)
        for step in self.steps[self._equipped :]:
            self._equip(step)
        self._equipped = len(self.steps)

    def _equip(self, step):
        """Make a layer's parameters, and find which gradients it gives."""
        layer = step.layer
        if not layer.SHAPED_BY_FILES:
            layer.open()
        step.learn = self.parameters.add(layer)
        inherited = [self._gradient_at.get(id(bottom), False) for bottom in step.bottoms]
        step.needed = any(inherited) or any(step.learn)
        step.down = list(layer.parameter.propagate_down) or inherited
        step.down = [down and i not in layer.NO_GRADIENT for i, down in enumerate(step.down)]
        self._gradient_at.update({id(top): step.needed for top in step.tops})

    def _top(self, layer, number, name, bottom_names):
        """A new blob, or the bottom where the layer works in place."""
        if number < len(bottom_names) and name == bottom_names[number]:
            if not layer.MAY_BE_IN_PLACE:
                layer.fail(f"cannot work in place; give its top another name than its bottom '{name}'")
            return self.blobs[name]
        if name in self.blobs and name != "(automatic)":
            layer.fail(f"its top '{name}' is made by an earlier layer already; give it another name")
        self.blobs[name] = Blob()
        return self.blobs[name]

    def _may_overwrite(self, blob):
        """Whether the layers that made a blob so far do without its values in their backward pass."""
        makers = [step.layer for step in self.steps if any(top is blob for top in step.tops)]
        return not any(layer.BACKWARD_NEEDS_TOPS for layer in makers)
