"""Train StarDist (Schmidt et al., MICCAI 2018) on images.npz and find the cells of its test images: found.npz.

It runs in an environment of its own. StarDist's defaults, but for the patches (128x128), and 30 epochs of 100 steps.
Its thresholds are those that it chooses on the training images.

    python stardist_trainer.py FOLDER SEED
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from csbdeep.utils import normalize
from stardist.models import Config2D, StarDist2D

EPOCHS, STEPS, PATCH = 30, 100, 128


def turned(image, labels):
    """One of the eight orientations, brighter or darker: the augmentation of StarDist's own examples."""
    turns, mirrored = np.random.randint(4), np.random.randint(2)
    image, labels = (np.rot90(plane[:, ::-1] if mirrored else plane, turns) for plane in (image, labels))
    return image * np.random.uniform(0.6, 2) + np.random.uniform(-0.2, 0.2), labels


def main(folder, seed):
    np.random.seed(seed)
    tf.random.set_seed(seed)
    with np.load(folder / "images.npz") as file:
        planes = {name: file[name] for name in sorted(file)}
    images, labels, tests = (
        [plane for name, plane in planes.items() if name.startswith(kind)]
        for kind in ("train_images", "train_labels", "test_images")
    )
    images, tests = ([normalize(image, 1, 99.8).astype(np.float32) for image in some] for some in (images, tests))
    lengths = {"train_epochs": EPOCHS, "train_steps_per_epoch": STEPS}
    config = Config2D(train_patch_size=(PATCH, PATCH), train_tensorboard=False, **lengths)
    model = StarDist2D(config, name="model", basedir=str(folder))
    model.train(images, labels, validation_data=(images[:5], labels[:5]), augmenter=turned)
    model.optimize_thresholds(images, labels)
    found = {f"{number:04d}": model.predict_instances(image)[0] for number, image in enumerate(tests)}
    np.savez_compressed(folder / "found.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
