"""``caffe.net_spec``: nets written as Python, ``n.conv1 = L.Convolution(n.data, num_output=20)``.

`layers` (``L``) has a function for every layer type. It takes the bottoms and the fields of the layer; what the layer's
own message does not have is a field of the layer. `params` (``P``) has the values of the enums. `NetSpec` gives tops
their names, and `to_proto` the net.
"""

from collections import Counter, OrderedDict

from cellseg.engine.pycaffe.proto import caffe_pb2


def _own_messages():
    """The field of a layer that holds the fields of a type alone, by type: Convolution, convolution_param."""
    fields = [field for field in caffe_pb2.LayerParameter.DESCRIPTOR.fields if field.name.endswith("_param")]
    return {field.message_type.name.removesuffix("Parameter"): field.name for field in fields if field.message_type}


_OWN = _own_messages()


class Top:
    """A blob that a layer makes.

    Attributes
    ----------
    fn : Function
        The layer.
    n : int
        Which of its tops.
    """

    def __init__(self, fn, n):
        self.fn, self.n = fn, n

    def to_proto(self):
        """The net that makes this blob, with automatic names."""
        return to_proto(self)

    def _to_proto(self, net):
        self.fn._to_proto(net)


class Function:
    """A layer.

    Parameters
    ----------
    type_name : str
    inputs : sequence of Top
    params : dict
        Its fields; besides ``ntop``, how many tops it has (1), and ``in_place``.

    Attributes
    ----------
    type_name, inputs, params, ntop, in_place
        As given; `params` without the other two.
    tops : tuple of Top

    Raises
    ------
    TypeError
        If an input is no top.
    """

    def __init__(self, type_name, inputs, params):
        for number, top in enumerate(inputs):
            if not isinstance(top, Top):
                raise TypeError(f"{type_name} input {number} is not a Top (type is {type(top)})")
        self.type_name, self.inputs, self.params = type_name, tuple(inputs), dict(params)
        self.ntop = self.params.pop("ntop", 1)
        self.in_place = self.params.pop("in_place", False)
        self.tops = tuple(Top(self, number) for number in range(self.ntop))

    def _to_proto(self, net):
        if self in net.layers:
            return
        for top in self.inputs:
            top._to_proto(net)
        layer = net.layers[self] = caffe_pb2.LayerParameter(type=self.type_name)
        layer.bottom.extend(net.blob(top) for top in self.inputs)
        layer.name = net.name(self.tops[0] if self.tops else self)
        layer.top.extend(net.blob(top) for top in self.tops)
        own = _OWN.get(self.type_name)
        for field, value in self.params.items():
            is_own = own and not field.endswith("param") and _has(getattr(layer, own), field)
            if not is_own and not _has(layer, field):
                raise AttributeError(f"{self.type_name} layer '{layer.name}': there is no field '{field}'")
            assign_proto(getattr(layer, own) if is_own else layer, field, value)


class _Net:
    """A net while it is written: its layers in order, and the names of tops and of layers without tops."""

    def __init__(self, names):
        self.layers, self._names, self._counts = OrderedDict(), names, Counter()

    def name(self, thing):
        """The name that the script gave to a top, or to a layer without tops; else an automatic one."""
        if thing not in self._names:
            kind = thing.fn.type_name if isinstance(thing, Top) else thing.type_name
            self._counts[kind] += 1
            self._names[thing] = f"{kind}{self._counts[kind]}"
        return self._names[thing]

    def blob(self, top):
        """The name of a blob; where a layer works in place, that of its bottom."""
        return self.blob(top.fn.inputs[top.n]) if top.fn.in_place else self.name(top)

    def write(self, things):
        """The net that holds some tops, and all that they are made of."""
        for name, thing in things:
            if not isinstance(thing, (Top, Function)):
                several = "; name its tops one by one: n.a, n.b = ..." if isinstance(thing, tuple) else ""
                raise AttributeError(f"'{name}' is no top, but of {type(thing)}{several}")
            thing._to_proto(self)
        return caffe_pb2.NetParameter(layer=self.layers.values())


class NetSpec:
    """A net whose tops are its attributes, or items where the name is no name in Python.

    Attributes
    ----------
    tops : OrderedDict of str to Top
    """

    def __init__(self):
        super().__setattr__("tops", OrderedDict())

    def __setattr__(self, name, value):
        self.tops[name] = value

    def __getattr__(self, name):
        return self.tops[name]

    def __setitem__(self, key, value):
        self.tops[key] = value

    def __getitem__(self, item):
        return self.tops[item]

    def to_proto(self):
        """The net as a ``NetParameter``, its layers in the order in which the tops were named."""
        return _Net({top: name for name, top in self.tops.items() if isinstance(top, (Top, Function))}).write(
            self.tops.items()
        )


def to_proto(*tops):
    """The net that makes some tops, with automatic names.

    Parameters
    ----------
    *tops : Top or Function

    Returns
    -------
    NetParameter
    """
    return _Net({}).write(("argument", top) for top in tops)


def assign_proto(proto, name, val):
    """Set a field of a message.

    Parameters
    ----------
    proto : protobuf message
    name : str
    val : dict, list or anything that the field takes
        A dict for a message; a list, or one value, for a repeated field.

    Raises
    ------
    AttributeError
        If the message has no such field.
    """
    if not _has(proto, name):
        raise AttributeError(f"{proto.DESCRIPTOR.name} has no field '{name}'")
    field = getattr(proto, name)
    if not hasattr(field, "extend"):
        if isinstance(val, dict):
            _assign_all(field, val)
        else:
            setattr(proto, name, val)
        return
    for one in val if isinstance(val, list) else [val]:
        if isinstance(one, dict):
            _assign_all(field.add(), one)
        else:
            field.append(one)


def _assign_all(message, values):
    message.SetInParent()
    for name, value in values.items():
        assign_proto(message, name, value)


def _has(message, field):
    return field in message.DESCRIPTOR.fields_by_name


class Layers:
    """`layers`: a function for every layer type, which gives a `Top`, a tuple of several, or the `Function` of none."""

    def __getattr__(self, name):
        def layer(*inputs, **params):
            fn = Function(name, inputs, params)
            return fn if fn.ntop == 0 else fn.tops[0] if fn.ntop == 1 else fn.tops

        return layer


class Parameters:
    """`params`: the values of the enums of each message, ``P.Pooling.MAX``."""

    def __getattr__(self, name):
        return _Values(f"{name}Parameter")


class _Values:
    def __init__(self, message):
        self._message = message

    def __getattr__(self, name):
        return getattr(getattr(caffe_pb2, self._message), name)


layers, params = Layers(), Parameters()
