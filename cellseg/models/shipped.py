"""The models that come with cellseg: a folder each, ``cellseg/models/NAME/``.

NAME/model.caffemodel             the weights
NAME/deploy.prototxt              the net to use
NAME/model.segmentation.json      the settings
NAME/card.md                      what it is for, what it was trained on, and what it is worth
"""

from pathlib import Path
from typing import NamedTuple

from cellseg.errors import CellsegError
from cellseg.models.settings import ModelSettings, read_settings

#: The model that is taken where none is given.
DEFAULT = "nuclei"
#: Licence of the weights of all of them, an SPDX identifier, as their cards say.
LICENCE = "MIT"
_FOLDER = Path(__file__).parent
_WEIGHTS, _CARD = "model.caffemodel", "card.md"


class ShippedModel(NamedTuple):
    """A model that comes with cellseg.

    Attributes
    ----------
    name : str
    folder : pathlib.Path
    """

    name: str
    folder: Path

    @property
    def weights(self) -> Path:
        """The file of weights."""
        return self.folder / _WEIGHTS

    @property
    def settings(self) -> ModelSettings:
        """How it is to be used.

        Raises
        ------
        CellsegError
            If its settings are missing or damaged.
        """
        settings = read_settings(self.weights)
        if settings is None:
            raise CellsegError(f"{self.folder}: its settings are missing; install cellseg again")
        return settings

    @property
    def card(self) -> str:
        """Its card, Markdown."""
        return (self.folder / _CARD).read_text(encoding="utf-8")

    @property
    def about(self) -> str:
        """What it is, in a line: the first one of its card."""
        return next((line.lstrip("# ") for line in self.card.splitlines() if line.strip()), "")


def shipped_models() -> list[ShippedModel]:
    """All models that come with cellseg, the default one first."""
    found = [ShippedModel(path.parent.name, path.parent) for path in sorted(_FOLDER.glob(f"*/{_WEIGHTS}"))]
    return sorted(found, key=lambda model: model.name != DEFAULT)


def find_shipped(name: str) -> ShippedModel | None:
    """The shipped model of a name; None if there is none."""
    return next((model for model in shipped_models() if model.name == name), None)


def is_shipped(model: str | Path) -> bool:
    """Whether weights are those of a shipped model, beside which nothing is to be written."""
    return shipped_name(model) is not None


def shipped_name(model: str | Path) -> str | None:
    """The name of the shipped model whose weights these are; None if they are no shipped model's."""
    weights = Path(model).resolve()
    return next((one.name for one in shipped_models() if one.weights.resolve() == weights), None)
