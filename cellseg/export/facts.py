"""What is known of a trained model: from ``run.json`` and ``evaluation.json`` beside it, or from the user."""

from pathlib import Path
from typing import NamedTuple, Optional

from cellseg.errors import CellsegError
from cellseg.evaluation.record import RECORD, read_choice, read_evaluation
from cellseg.files import sha256
from cellseg.training.run import read_run

_HALF = 0.5


class Facts(NamedTuple):
    """What a package says of its model beyond what follows from the net.

    Attributes
    ----------
    model_sha256 : str
        Of the ``.caffemodel``.
    normalisation : str
        Rule by which the model's images were normalised, of `cellseg.data.normalisation.RULES`.
    threshold : float
        A pixel is cell where its probability is at least this.
    chosen_on : str
        How the threshold was chosen, in words, without names of folders.
    run : dict or None
        The ``run.json`` of the training.
    evaluation : dict or None
        An ``evaluation.json`` of this very model, if possible one with nothing chosen on the images.
    """

    model_sha256: str
    normalisation: str
    threshold: float
    chosen_on: str
    run: Optional[dict]
    evaluation: Optional[dict]

    @property
    def recipe(self):
        """Name of the recipe; None if nothing tells."""
        return (self.run or {}).get("recipe") or (self.evaluation or {}).get("recipe")

    @property
    def orientations(self):
        """Orientations over which the evaluation averages."""
        return (self.evaluation or self.run or {}).get("orientations", 1)

    @property
    def kind(self):
        """Kind of the training images, "real" among them; None if nothing tells."""
        return (self.run or {}).get("data", {}).get("kind")

    @property
    def simulated(self):
        """Whether the images of the last training are known to be simulated ones."""
        return self.kind not in (None, "real")


def gather(model, normalisation=None, threshold=None):
    """Gather the facts.

    Parameters
    ----------
    model : path
        A ``.caffemodel``.
    normalisation : str, optional
        By default the run's.
    threshold : str, optional
        A number or an ``evaluation.json``; by default from ``honest/evaluation.json`` or ``evaluation.json`` beside
        the model, if it is of this very model.

    Returns
    -------
    Facts

    Raises
    ------
    CellsegError
        If nothing tells the normalisation, or a file is not what it should be.
    """
    run, digest = read_run(model), sha256(model)
    rule = normalisation or (run or {}).get("normalisation")
    if rule is None:
        raise CellsegError(f"{model}: no run.json beside it tells how its images were normalised; give --normalisation")
    path, evaluation = _evaluation(Path(model).parent, digest)
    choice = read_choice(threshold or path) if threshold or path else None
    value = choice.threshold if choice else _HALF
    chosen_on = without_folders(choice.chosen_on) if choice else "not chosen on any images: evaluate the model first"
    return Facts(digest, rule, value, chosen_on, run, evaluation)


def _evaluation(folder, digest):
    """The first evaluation of these weights, with its path."""
    for path in (folder / "honest" / RECORD, folder / RECORD):
        if path.exists():
            record = read_evaluation(path)
            if record.get("model_sha256") == digest:
                return str(path), record
    return None, None


def without_folders(words):
    """How a threshold was chosen, without the names of the user's folders."""
    return " ".join(word.rsplit("/", 1)[-1] for word in words.split(" "))
