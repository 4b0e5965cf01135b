"""The parameters of a net: which are learnt and how, and which layers share theirs."""

from cellseg.engine.caffe_schema import MESSAGES
from cellseg.engine.layers.base import shown

_ParamSpec = MESSAGES["ParamSpec"]
_PERMISSIVE = 1


class Parameters:
    """All parameters of a net, each once.

    Attributes
    ----------
    learnable : list of Blob
        In the order of the layers; of those that share one blob, the first.
    lr_mult, decay_mult : list of float
        For each of them.
    """

    def __init__(self):
        self.learnable, self.lr_mult, self.decay_mult = [], [], []
        self._owners = {}  # name: (index in learnable, layer, index there)
        self._given = []  # for each learnable: the multipliers that were written down

    def add(self, layer):
        """Take the parameters of a layer; one whose name was seen before becomes the earlier one.

        Parameters
        ----------
        layer : Layer

        Returns
        -------
        list of bool
            For each parameter, whether it is to be learnt.

        Raises
        ------
        CellsegError
            If shared parameters differ in shape or multipliers.
        """
        specs = list(layer.parameter.param)
        if len(specs) > len(layer.params):
            layer.fail(f"has {len(layer.params)} parameters, but param is given {len(specs)} times")
        specs += [_ParamSpec()] * (len(layer.params) - len(specs))
        for index, spec in enumerate(specs):
            if spec.name in self._owners:
                self._share(layer, index, spec)
            else:
                if spec.name:
                    self._owners[spec.name] = len(self.learnable), layer, index
                self.learnable.append(layer.params[index])
                self.lr_mult.append(spec.lr_mult)
                self.decay_mult.append(spec.decay_mult)
                self._given.append({name for name in ("lr_mult", "decay_mult") if spec.HasField(name)})
        return [spec.lr_mult != 0 for spec in specs]

    def _share(self, layer, index, spec):
        number, owner, owner_index = self._owners[spec.name]
        mine, theirs = layer.params[index], owner.params[owner_index]
        if mine.count != theirs.count or (mine.shape != theirs.shape and spec.share_mode != _PERMISSIVE):
            layer.fail(
                f"shares the parameter '{spec.name}' of layer '{owner.name}', but its shape is {shown(mine.shape)} and "
                f"the other's is {shown(theirs.shape)}"
            )
        for name in ("lr_mult", "decay_mult"):
            if not spec.HasField(name):
                continue
            values = getattr(self, name)
            if name in self._given[number] and values[number] != getattr(spec, name):
                layer.fail(
                    f"shares the parameter '{spec.name}' of layer '{owner.name}' with another {name}: "
                    f"{getattr(spec, name):g} and {values[number]:g}"
                )
            values[number] = getattr(spec, name)
            self._given[number].add(name)
        mine.share(theirs)
