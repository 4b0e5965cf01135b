"""A trained model, ready to be applied to images."""

from dataclasses import replace
from typing import NamedTuple

from cellseg.errors import CellsegError
from cellseg.files import sha256
from cellseg.inference.network import open_network
from cellseg.inference.tiling import Tiles
from cellseg.models.find import default_deploy, find_model
from cellseg.models.settings import ModelSettings, read_settings, settings_file
from cellseg.models.shipped import DEFAULT


class Model(NamedTuple):
    """What segments an image.

    Attributes
    ----------
    tiles : cellseg.inference.tiling.Tiles
        The network, and how it is led over an image.
    settings : cellseg.models.settings.ModelSettings
    """

    tiles: Tiles
    settings: ModelSettings


def find_settings(path, **given):
    """Settings of a model: from the file beside the weights; what is given overrides it.

    Parameters
    ----------
    path : str or path
        ``.caffemodel``.
    **given
        Fields of `cellseg.models.settings.ModelSettings`. None means "from the file", except for ``split``, where it
        means that touching cells stay one.

    Returns
    -------
    ModelSettings

    Raises
    ------
    CellsegError
        If there is no such file and not enough is given, or the file was written for other weights.
    """
    given = {name: value for name, value in given.items() if value is not None or name == "split"}
    settings = read_settings(path)
    if settings:
        return replace(settings, **given)
    lacking = [name for name in ("threshold", "normalisation") if name not in given]
    if lacking:
        raise CellsegError(
            f"{path}: {settings_file(path).name} is not beside it; run `cellseg evaluate {path}`, which writes it, "
            f"or give {' and '.join(lacking)}"
        )
    return ModelSettings(**{"deploy": str(default_deploy(path)), "model_sha256": sha256(path), **given})


def load_model(model=DEFAULT, engine="auto", tile=None, settings=None, **given):
    """Load a trained model to segment images with.

    Parameters
    ----------
    model : str or path
        The name of a model that ships, a ``.caffemodel``, or a run folder; see `cellseg.models.find.find_model`. The
        settings come from the file beside the weights, ``NAME.segmentation.json``, which an evaluation writes; keyword
        arguments override them.
    engine : str
        See `cellseg.engine.load`.
    tile : int, optional
        Side in pixels of the windows in which large images are done; by default from the memory that the network needs.
    settings : cellseg.models.settings.ModelSettings, optional
        In place of that file.
    **given
        Settings that are not to be taken from the file: ``deploy``, ``normalisation``, ``threshold``, ``orientations``,
        ``smallest_object``, ``largest_hole``, ``split``.

    Returns
    -------
    Model

    Raises
    ------
    CellsegError
        See `cellseg.models.find.find_model`, `find_settings` and `cellseg.inference.network.open_network`.
    """
    path = find_model(model)
    settings = settings or find_settings(path, **given)
    return Model(Tiles(open_network(engine, settings.deploy, path), settings.orientations, tile), settings)
