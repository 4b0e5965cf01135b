"""Where the files of a model lie."""

from pathlib import Path

from cellseg.errors import CellsegError
from cellseg.models.shipped import find_shipped, shipped_models

#: The same as prototxt/deploy.prototxt in the sources.
_REPORTS_DEPLOY = Path(__file__).with_name("deploy.prototxt")
_SUFFIXES = (".caffemodel", ".caffemodel.h5")


def default_deploy(model: str | Path) -> Path:
    """The deploy net beside a model, else the report's."""
    beside = Path(model).parent / "deploy.prototxt"
    return beside if beside.exists() else _REPORTS_DEPLOY


def find_model(model: str | Path) -> Path:
    """The weights that a user means.

    Parameters
    ----------
    model : str or path
        A file of weights (``.caffemodel`` or ``.caffemodel.h5``), a run folder, whose last weights are taken
        (``finetune.caffemodel``, else ``pretrain.caffemodel``), the folder of an experiment with such a run folder in
        it, or the name of a shipped model. The name goes before a file or folder that is called alike; ``./NAME`` means
        that one.

    Returns
    -------
    path

    Raises
    ------
    CellsegError
        If there is no such file or model, or the folder holds no finished training.
    """
    ships = find_shipped(model) if isinstance(model, str) else None
    if ships:
        return ships.weights
    path = Path(model)
    if path.is_dir():
        weights = _last_weights(path)
        if weights:
            return weights
        raise CellsegError(f"{path}: holds no finetune.caffemodel or pretrain.caffemodel; give a model or a run folder")
    if not path.is_file():
        names = ", ".join(one.name for one in shipped_models()) or "none is here"
        raise CellsegError(
            f"{path}: no such file; give a .caffemodel, a run folder or the name of a model that ships ({names})"
        )
    return path


def is_model(path: str | Path) -> bool:
    """Whether a word of a command line means a model and no image: by its suffix, or as a run folder."""
    path = Path(path)
    return path.name.endswith(_SUFFIXES) or path.is_dir() and _last_weights(path) is not None


def _last_weights(folder):
    stages = ("finetune", "pretrain")
    files = (place / f"{stage}.caffemodel" for stage in stages for place in (folder, folder / stage))
    return next((file for file in files if file.is_file()), None)
