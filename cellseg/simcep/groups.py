"""Groups of options. They are checked when made, changed by dotted name, and kept as plain dictionaries."""

from dataclasses import asdict, field, fields

from cellseg.errors import CellsegError


def option(default, check):
    """Declare one option of a `Group`: its default and the check that a value must pass."""
    return field(default=default, metadata={"check": check})


class Group:
    """Base of the frozen dataclasses of options. Their fields are options or further groups."""

    prefix = ""

    def __post_init__(self):
        for item in fields(self):
            value = getattr(self, item.name)
            if "check" in item.metadata:
                try:
                    object.__setattr__(self, item.name, item.metadata["check"](value))
                except ValueError as error:
                    self._refuse(item.name, f"{error}, not {value!r}")
            elif not isinstance(value, type(item.default)):
                self._refuse(item.name, f"must be a group of options ({type(item.default).__name__}), not {value!r}")
        self._check()

    def _check(self):
        """Check options against each other."""

    @classmethod
    def _dotted(cls, name):
        return f"{cls.prefix}.{name}" if cls.prefix else name

    @classmethod
    def _refuse(cls, name, reason):
        raise CellsegError(f"option {cls._dotted(name)}: {reason}") from None

    @classmethod
    def names(cls):
        """All option names in this group, dotted and in order.

        Returns
        -------
        list of str
        """
        nested = [
            [cls._dotted(item.name)] if "check" in item.metadata else item.default.names() for item in fields(cls)
        ]
        return [name for part in nested for name in part]

    @classmethod
    def from_dict(cls, record):
        """Make the options from a nested dictionary, such as JSON holds; what is missing takes its default.

        Raises
        ------
        CellsegError
            On an unknown name, or a value that its option does not take.
        """
        if not isinstance(record, dict):
            raise CellsegError(f"option {cls.prefix or 'set'}: must be a group of named options, not {record!r}")
        known = {item.name: item for item in fields(cls)}
        values = {}
        for name, value in record.items():
            if name not in known:
                raise CellsegError(f"option {cls._dotted(name)}: unknown; the options are {', '.join(cls.names())}")
            nested = "check" not in known[name].metadata
            values[name] = type(known[name].default).from_dict(value) if nested else value
        return cls(**values)

    def to_dict(self):
        """Return the options as a nested dictionary, which `from_dict` reads back and JSON can hold."""
        return asdict(self)

    def replace(self, name, value=None):
        """Copy with one option changed, ``replace("population.N", 40)``, or several, ``replace({"population.N": 40})``.

        The options are checked once all changes are made.

        Raises
        ------
        CellsegError
            As `from_dict`.
        """
        changes = name if isinstance(name, dict) else {name: value}
        record = self.to_dict()
        valid = self.names()
        for full, new in changes.items():
            if full not in valid:
                raise CellsegError(f"option {full}: unknown; the options are {', '.join(valid)}")
            *path, last = full[len(self.prefix) :].strip(".").split(".")
            group = record
            for part in path:
                group = group[part]
            group[last] = new
        return self.from_dict(record)
