"""Which channel of an image is read: by number, by name, or the luminance of a colour image."""

from collections.abc import Callable

import numpy as np

from cellseg.errors import CellsegError

LUMINANCE = "luminance"
COLOURS = ("red", "green", "blue", "alpha")
#: Axes that hold channels.
AXES = "CS"

_WEIGHTS = (0.299, 0.587, 0.114)  # of ITU-R 601


def channel_names(names: tuple[str, ...], count: int, colour: bool) -> tuple[str, ...]:
    """The names of `count` channels: the file's, else those of colours, else numbers."""
    if len(names) == count:
        return tuple(name or str(number) for number, name in enumerate(names))
    if colour and count in (3, 4):
        return COLOURS[:count]
    return tuple(map(str, range(count)))


def is_colour(channels: tuple[str, ...]) -> bool:
    """Whether these are the channels of a colour image."""
    return channels[:3] == COLOURS[:3]


def choose_channel(path: str, channels: tuple[str, ...], choice: str | int | None) -> str:
    """The channel that a choice means, as its name, or as its number where several have that name.

    Raises
    ------
    CellsegError
        If there are several channels and no choice, or no such channel.
    """
    several = f"has {len(channels)} channels ({', '.join(channels)}"
    offer = f"; or {LUMINANCE}, for a colour image that is meant as a grey one" if is_colour(channels) else ""
    if choice is None:
        if len(channels) > 1:
            raise CellsegError(f"{path}: {several}); choose one with --channel{offer}")
        return channels[0]
    choice = str(choice).lower()
    if choice == LUMINANCE and (len(channels) == 1 or is_colour(channels)):
        return LUMINANCE if is_colour(channels) else channels[0]
    same = [name for name in channels if name.lower() == choice]
    if len(same) == 1:
        return same[0]
    if not same and choice.isdecimal() and int(choice) < len(channels):
        name = channels[int(choice)]
        return name if channels.count(name) == 1 else choice
    many = "several of that name" if same else f"none that is called '{choice}'"
    raise CellsegError(f"{path}: {several}), {many}; choose by number, 0 to {len(channels) - 1}{offer}")


def channel_window(window: Callable, axis: str, chosen: str, channels: tuple[str, ...]) -> Callable:
    """A function that reads the chosen channel, from one that reads any.

    Parameters
    ----------
    window : callable
        Called with an index (axis letter to number) and a box, it gives pixels.
    axis : str
        The letter of the channels' axis.
    chosen : str
        See `choose_channel`.
    channels : tuple of str
    """
    if chosen == LUMINANCE and is_colour(channels):
        return lambda index, *box: _mix([window({**index, axis: number}, *box) for number in range(3)])
    number = channels.index(chosen) if chosen in channels else int(chosen)
    return lambda index, *box: window({**index, axis: number}, *box)


def _mix(colours):
    mixed = sum(weight * np.asarray(part, np.float64) for weight, part in zip(_WEIGHTS, colours, strict=True))
    return np.rint(mixed).astype(colours[0].dtype) if colours[0].dtype.kind in "bui" else mixed
