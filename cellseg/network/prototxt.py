"""Prototxt (protobuf's text format) from plain Python values, written without a protobuf library."""


class Enum(str):
    """A protobuf enum value: written without quotes."""

    __slots__ = ()


def to_text(message, indent=""):
    """Write a message in protobuf text format.

    Parameters
    ----------
    message : dict
        Field name to value, in the order in which they are written. A value is a str (quoted), an `Enum`
        (bare), a bool, a number, a dict (a nested message) or a list of these (a repeated field). A field whose
        value is None is left out.

    Returns
    -------
    str
        The text, one field a line, ending in a newline.
    """
    lines = []
    for name, value in message.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                lines.append(f"{indent}{name} {{\n{to_text(item, indent + '  ')}{indent}}}\n")
            elif item is not None:
                lines.append(f"{indent}{name}: {_scalar(item)}\n")
    return "".join(lines)


def _scalar(value):
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return f"{value:.10g}" if isinstance(value, float) else str(value)
