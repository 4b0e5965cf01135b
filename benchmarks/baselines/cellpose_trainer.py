"""Train Cellpose's network (Stringer et al., Nature Methods 2021) from nothing: images.npz to found.npz.

It runs in an environment of its own. Cellpose 3 with its defaults, but without pretrained weights, and for 30
epochs, as StarDist, in place of 100. The size of the cells is the training cells' own.

    python cellpose_trainer.py FOLDER SEED
"""

import sys
from pathlib import Path

import numpy as np
import torch
from cellpose import models, train

EPOCHS, BATCH = 30, 8


def main(folder, seed):
    np.random.seed(seed)
    torch.manual_seed(seed)
    with np.load(folder / "images.npz") as file:
        planes = {name: file[name] for name in sorted(file)}
    images, labels, tests = (
        [plane for name, plane in planes.items() if name.startswith(kind)]
        for kind in ("train_images", "train_labels", "test_images")
    )
    model = models.CellposeModel(gpu=False, pretrained_model=None)
    path, *_ = train.train_seg(
        model.net,
        train_data=images,
        train_labels=labels,
        channels=[0, 0],
        n_epochs=EPOCHS,
        batch_size=BATCH,
        min_train_masks=1,
        save_path=str(folder),
        model_name="model",
    )
    trained = models.CellposeModel(gpu=False, pretrained_model=str(path))
    found = trained.eval(tests, channels=[0, 0], diameter=trained.diam_labels)[0]
    np.savez_compressed(folder / "found.npz", **{f"{number:04d}": cells for number, cells in enumerate(found)})


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
