"""The options of the parts of a cell, under SIMCEP's own names and with its defaults."""

from dataclasses import dataclass

from cellseg.simcep import checks
from cellseg.simcep.groups import Group, option


@dataclass(frozen=True)
class Cytoplasm(Group):
    """The cell bodies (``cell_obj.cytoplasm``); the attributes are those of `Nucleus`.

    The public copies disagree on `include` (1 and 0): off here.
    """

    prefix = "cell_obj.cytoplasm"

    include: bool = option(False, checks.switch)
    radius: float = option(25.0, checks.number(1, 1000))
    shape: tuple = option((0.3, 0.05), checks.shape)
    texture: tuple = option((0.9, 2, 8, 0.2), checks.texture)


@dataclass(frozen=True)
class Nucleus(Group):
    """The nuclei (``cell_obj.nucleus``).

    Attributes
    ----------
    include : bool
        Whether there are any.
    radius : float
        Radius in pixels. The public copies disagree (10 and 5, the latter noting that 10 is the default): 10 here.
    shape : (float, float)
        (alpha, beta): see `cellseg.simcep.shape.random_shape`.
    texture : (float, int, int, float)
        (persistence, first octave, number of octaves, bias): see `cellseg.simcep.texture.texture`.
    """

    prefix = "cell_obj.nucleus"

    include: bool = option(True, checks.switch)
    radius: float = option(10.0, checks.number(1, 1000))
    shape: tuple = option((0.1, 0.1), checks.shape)
    texture: tuple = option((0.5, 2, 5, 0.2), checks.texture)


@dataclass(frozen=True)
class Subcell(Group):
    """The bright spots in the cytoplasm (``cell_obj.subcell``): `ns` in each cell. The rest is as in `Nucleus`.

    The original lists radius 3, shape (0.1, 0.1) and texture (0.5, 2, 5, 0.2), but ignores all three and uses a
    tenth of the cytoplasm's radius, (0.1, 0.1) and (3, 1, 4, 0). Those are the defaults here, and they can be changed.
    A `radius` of None is the tenth.
    """

    prefix = "cell_obj.subcell"

    include: bool = option(False, checks.switch)
    ns: int = option(4, checks.whole(1, 10000))
    radius: float = option(None, checks.optional(checks.number(0.1, 1000)))
    shape: tuple = option((0.1, 0.1), checks.shape)
    texture: tuple = option((3.0, 1, 4, 0.0), checks.texture)


@dataclass(frozen=True)
class CellObj(Group):
    """The parts of a cell (``cell_obj``): `cytoplasm`, `nucleus` and `subcell`."""

    prefix = "cell_obj"

    cytoplasm: Cytoplasm = Cytoplasm()
    nucleus: Nucleus = Nucleus()
    subcell: Subcell = Subcell()

    def _check(self):
        if not (self.cytoplasm.include or self.nucleus.include):
            self._refuse("include", "nothing to draw; include the nucleus or the cytoplasm")
        if self.subcell.include and not self.cytoplasm.include:
            self._refuse("subcell.include", "the spots lie in the cytoplasm; set cell_obj.cytoplasm.include too")
