"""Where the files of a model lie."""

from pathlib import Path

from cellseg.errors import CellsegError

#: The same as prototxt/deploy.prototxt in the sources.
_REPORTS_DEPLOY = Path(__file__).with_name("deploy.prototxt")


def default_deploy(model: str | Path) -> Path:
    """The deploy net beside a model, else the report's."""
    beside = Path(model).parent / "deploy.prototxt"
    return beside if beside.exists() else _REPORTS_DEPLOY


def find_model(path: str | Path) -> Path:
    """The weights that a user means: a file of weights, or the run folder whose last weights are to be taken.

    Parameters
    ----------
    path : str or path
        ``.caffemodel``, ``.caffemodel.h5``, or a run folder, which holds ``pretrain.caffemodel`` or
        ``finetune.caffemodel``.

    Returns
    -------
    path

    Raises
    ------
    CellsegError
        If there is no such file, or the folder holds no finished training.
    """
    path = Path(path)
    if path.is_dir():
        for stage in ("finetune", "pretrain"):
            if (path / f"{stage}.caffemodel").is_file():
                return path / f"{stage}.caffemodel"
        raise CellsegError(f"{path}: holds no finetune.caffemodel or pretrain.caffemodel; give a model or a run folder")
    if not path.is_file():
        raise CellsegError(f"{path}: no such file; give a .caffemodel or a run folder")
    return path
