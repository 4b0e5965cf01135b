"""Writing simulated images with their masks and labels into a folder, for use outside of this project."""

import warnings
from pathlib import Path

import numpy as np

from cellseg.errors import CellsegError
from cellseg.files import write_json
from cellseg.images.write import write_image
from cellseg.results import check_result_folder, replacing_folder
from cellseg.simcep import simulate

RECORD = "options.json"


def write_simulations(out, options, count, seed=0, channel="nuclei", bits=8, suffix=".png", progress=iter):
    """Simulate images and write ``images``, ``masks`` (0, 255), ``labels`` (16 bit) and ``options.json`` into a folder.

    Parameters
    ----------
    out : str or path
        The folder. It is replaced as a whole, if it is empty or holds an earlier result; otherwise it is refused.
    options : cellseg.simcep.Options
    count : int
        Number of images. They are called 00000, 00001, ...
    seed : int
        Image i is made from the seed ``[seed, i]``.
    channel : {"nuclei", "cytoplasm", "subcell"}
        What is in the images, masks and labels.
    bits : {8, 16}
        Depth of the images.
    suffix : {".png", ".tif"}
        Format of all files.
    progress : callable, optional
        Wraps the loop, for example a progress bar.

    Returns
    -------
    list of str
        Names of the images that were full before all cells were placed.

    Raises
    ------
    CellsegError
        If the channel is not included, or the folder cannot be written to or holds other files.
    """
    part = getattr(options.cell_obj, "nucleus" if channel == "nuclei" else channel)
    if not part.include:
        raise CellsegError(f"channel {channel}: not included; set {part.prefix}.include=1")
    out, full = Path(out).resolve(), []
    check_result_folder(out)
    with replacing_folder(out) as folder:
        for index in progress(range(count)):
            name = f"{index:05d}{suffix}"
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", UserWarning)
                result = simulate(options, [seed, index])
            full += [name] if caught else []
            image = np.rint(result.plane(channel) * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
            write_image(folder / "images" / name, image)
            write_image(folder / "masks" / name, result.plane_mask(channel).astype(np.uint8) * 255)
            write_image(folder / "labels" / name, result.plane_labels(channel).astype(np.uint16))
        how = {"count": count, "seed": seed, "channel": channel, "bits": bits, "format": suffix[1:]}
        write_json(folder / RECORD, {**how, "options": options.to_dict()})
    return full
