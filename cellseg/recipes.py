"""Named recipes: what is trained on what, and how. To add a recipe, add an entry to `RECIPES`."""

from dataclasses import dataclass, field, replace

from cellseg.data.sizes import ORIENTATIONS, REAL_TEST, REAL_TRAIN, TEST_PATCHES, TRAIN_PATCHES, TUNED_PATCHES
from cellseg.network import ADAM, SGD, CellUNet, Fcn, UNet, Updates

#: The learning rate of the recipe for cells.
CELLS = replace(ADAM, base_lr=0.002)

SIMULATED_PATCHES = {"simulated": TRAIN_PATCHES, "tuned": TUNED_PATCHES}


@dataclass(frozen=True)
class Recipe:
    """Everything in which trainings differ by intention.

    Attributes
    ----------
    name : str
    network : Fcn, UNet or CellUNet
    updates : cellseg.network.Updates
    epochs : int
        Length of each stage.
    pretraining : {"simulated", "tuned"} or None
        Simulated patches for the first stage: the report's, or tuned to the look of the training images; None for
        a recipe that starts with the real images.
    normalisation : str
        A name of `cellseg.data.normalisation.RULES`.
    copies : int or None
        Random copies of each training image (`cellseg.data.variation`); None for the report's eight orientations.
    variation : str
        What a random copy is: a name of `cellseg.data.variation.VARIATIONS`.
    orientations : {1, 8}
        Orientations of an image over which its output is averaged.
    """

    name: str
    network: Fcn | UNet = field(default_factory=Fcn)
    updates: Updates = SGD
    epochs: int = 60
    pretraining: str | None = "simulated"
    normalisation: str = "percentile"
    copies: int | None = None
    variation: str = "brightness"
    orientations: int = 1

    @property
    def samples(self) -> dict[str, tuple[str, int, int]]:
        """Stage to its data's kind and its training and test patches, for as many images as the report's."""
        target = ("real", REAL_TRAIN * (self.copies or ORIENTATIONS), REAL_TEST)
        if not self.pretraining:
            return {"finetune": target}
        made = (self.pretraining, SIMULATED_PATCHES[self.pretraining], TEST_PATCHES)
        return {"pretrain": made, "finetune": target}

    @property
    def further(self) -> Updates:
        """How a model that was trained so is trained further: in steps of a tenth, which keep what it knows."""
        return replace(self.updates, base_lr=self.updates.base_lr / 10)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("report"),
        Recipe("unet", UNet(), ADAM, epochs=15, pretraining=None),
        Recipe("best", UNet(), ADAM, epochs=3, pretraining=None, normalisation="root", copies=40, orientations=8),
        Recipe(
            "cells",
            CellUNet(),
            CELLS,
            epochs=4,
            pretraining=None,
            normalisation="floor",
            copies=40,
            variation="microscope",
            orientations=8,
        ),
    )
}
