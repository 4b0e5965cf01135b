"""A trained model, ready to be applied to images."""

from dataclasses import replace
from typing import NamedTuple, Optional

from cellseg.data.constants import SPLIT
from cellseg.errors import CellsegError
from cellseg.evaluation.evaluate import default_deploy
from cellseg.inference.network import Network
from cellseg.inference.tiling import Tiles
from cellseg.models.settings import Usage, read_usage, usage_file


class Model(NamedTuple):
    """What segments an image.

    Attributes
    ----------
    tiles : cellseg.inference.tiling.Tiles
        The network, and how it is led over an image.
    usage : cellseg.models.settings.Usage
    split : float or None
        See `cellseg.segmentation.splitting.split_touching`.
    """

    tiles: Tiles
    usage: Usage
    split: Optional[float]


def find_usage(path, **given):
    """How a model is to be used: as the file beside it says, and where something else is given, so.

    Parameters
    ----------
    path : str or path
        ``.caffemodel``.
    **given
        Fields of `cellseg.models.settings.Usage`; None where the file's is to be taken.

    Returns
    -------
    Usage

    Raises
    ------
    CellsegError
        If there is no such file and not enough is given, or it is of other weights.
    """
    given = {name: value for name, value in given.items() if value is not None}
    usage = read_usage(path)
    if usage:
        return replace(usage, **given)
    lacking = [name for name in ("threshold", "normalisation") if name not in given]
    if lacking:
        raise CellsegError(
            f"{path}: {usage_file(path).name} is not beside it; run tools/evaluate.py {path}, which writes it, or give "
            f"{' and '.join(lacking)}"
        )
    return Usage(**{"deploy": str(default_deploy(path)), **given})


def load_model(path, engine="auto", split=SPLIT, tile=None, usage=None, **given):
    """Load a trained model to segment images with.

    Parameters
    ----------
    path : str or path
        ``.caffemodel``. What its evaluation left beside it, ``NAME.segmentation.json``, tells its deploy net,
        threshold, normalisation, orientations and cleaning.
    engine : str
        See `cellseg.engine.load`. Real Caffe ends the process where it meets an error.
    split : float or None
        By how many pixels the radius has to shrink towards a neck for two cells to be told apart there; None leaves
        touching cells as one.
    tile : int, optional
        Side in pixels of the windows in which large images are done; by default from the memory that the network needs.
    usage : cellseg.models.settings.Usage, optional
        In place of that file.
    **given
        What is not to be taken from the file: ``deploy``, ``normalisation``, ``threshold``, ``orientations``,
        ``smallest_object``, ``largest_hole``.

    Returns
    -------
    Model

    Raises
    ------
    CellsegError
        See `find_usage` and `cellseg.inference.network.Network`.
    """
    usage = usage or find_usage(path, **given)
    network = Network(engine, usage.deploy, path)
    return Model(Tiles(network, usage.orientations, tile), usage, split)
