"""Lists of images, one after the other or in the order that Caffe shuffles them into."""

import base64
import re
from pathlib import Path

import numpy as np

from cellseg.errors import CellsegError

_LABEL = re.compile(r"[+-]?[0-9]+$")


def read_labelled(source):
    """The files that a list names, with a label each: ``name label`` a line. Names may hold spaces.

    Parameters
    ----------
    source : str

    Returns
    -------
    list of (str, int)

    Raises
    ------
    CellsegError
        If the list cannot be read, is empty, or a line has no label.
    """
    entries = []
    for number, line in enumerate(_text(source).rstrip("\n").split("\n"), start=1):
        name, _, label = line.rstrip("\r").rpartition(" ")
        if not name or not _LABEL.match(label):
            raise CellsegError(
                f"source {source}, line {number}: must be the name of an image, a space, and a whole number as its "
                "label (0 if nothing uses it)"
            )
        entries.append((name, int(label)))
    return entries


def read_pairs(source):
    """The pairs of files that a list names, split at white space.

    Returns
    -------
    list of (str, str)

    Raises
    ------
    CellsegError
        If the list cannot be read, or lists no pairs.
    """
    words = _text(source).split()
    if len(words) % 2:
        raise CellsegError(f"source {source} lists {len(words)} files; it must list pairs of an image and its labels")
    return list(zip(words[::2], words[1::2]))


def _text(source):
    if not source:
        raise CellsegError("source is not given; name a text file that lists images")
    try:
        text = Path(source).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise CellsegError(f"source {source} cannot be read ({error.strerror})") from error
    if "\0" in text:
        raise CellsegError(f"source {source} cannot be read (no text); it must be a text file that lists images")
    if not text.strip():
        raise CellsegError(f"source {source} is empty; it must list images")
    return text


class Listing:
    """A place in a list that is passed again and again.

    Parameters
    ----------
    source : str
        What to call the list in errors.
    entries : list
    stream : MersenneTwister, optional
        Shuffles the list, now and at each end.
    """

    def __init__(self, source, entries, stream=None):
        self.source, self.entries, self.stream = source, entries, stream
        self.order, self.place = list(range(len(entries))), 0
        if stream:
            self._shuffle()

    def skip(self, count):
        """Begin behind so many entries."""
        if count >= len(self.entries):
            raise CellsegError(f"rand_skip would pass over {count} of the {len(self.entries)} images in {self.source}")
        self.place = count

    def now(self):
        """The entry at this place."""
        return self.entries[self.order[self.place]]

    def advance(self):
        """Go to the next entry, from the last one to the first."""
        self.place += 1
        if self.place == len(self.entries):
            self.place = 0
            if self.stream:
                self._shuffle()

    def state(self):
        """dict: place and order, in values that JSON can hold."""
        order = base64.b64encode(np.array(self.order, "<i4").tobytes()).decode() if self.stream else None
        return {"place": self.place, "order": order, "stream": self.stream and self.stream.state()}

    def set_state(self, state):
        """Go on from where `state` was taken.

        Raises
        ------
        CellsegError
            If the list has another length, or was not shuffled alike.
        """
        changed = f"source {self.source}: is another list than when the state was saved"
        if bool(state["order"]) != bool(self.stream) or not 0 <= state["place"] < len(self.entries):
            raise CellsegError(changed)
        if self.stream:
            order = np.frombuffer(base64.b64decode(state["order"]), "<i4").tolist()
            if sorted(order) != list(range(len(self.entries))):
                raise CellsegError(changed)
            self.order = order
            self.stream.set_state(state["stream"])
        self.place = state["place"]

    def _shuffle(self):
        """Change places from the end on, each with one that Boost's uniform numbers give."""
        for last in range(len(self.order) - 1, 0, -1):
            width, left = divmod(2**32 - 1, last + 1)
            width += left == last
            other = last + 1
            while other > last:
                other = int(self.stream.raw(1)[0]) // width
            self.order[last], self.order[other] = self.order[other], self.order[last]
