"""How fast `cellseg segment` is from the file to all results, beside its network alone.

The image is a mosaic of the training images of a folder, a tiled TIFF. The network alone is its forward pass over one
window of the size that is used, its margin included. Both are measured in turns, each on all cores; the medians count.

    python -m benchmarks.segmenting fields
    python -m benchmarks.segmenting folder --models nuclei runs/best/finetune --side 8192
"""

import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import tifffile

from benchmarks.machine import machine
from cellseg import cli
from cellseg.data.folder import read_examples
from cellseg.data.public import find_real
from cellseg.files import make_folder, write_json, write_text
from cellseg.segmentation import load_model

PASSES = 3  # of the network in a round


def parse():
    parser = cli.Parser(description=__doc__, prog="python -m benchmarks.segmenting")
    parser.add_argument("real", help="folder {train,test}/{images,labels}, or a public data set by name")
    parser.add_argument("--models", nargs="*", default=["nuclei"], help="by name or file (nuclei)")
    parser.add_argument("--side", type=cli.number(64), default=4096, help="of the mosaic, in pixels (%(default)s)")
    parser.add_argument("--rounds", type=cli.number(1), default=3, help="(%(default)s)")
    parser.add_argument("--out", default="runs/segmenting", help="folder for all that is made (%(default)s)")
    return parser.parse_args()


def main():
    arguments = parse()
    out = make_folder(arguments.out)
    images = [example.image for example in read_examples(Path(find_real(arguments.real)) / "train", rgb="luminance")]
    file, found = out / "mosaic.tif", {}
    tifffile.imwrite(file, mosaic(images, arguments.side), tile=(256, 256), compression="deflate")
    for name in arguments.models:
        rounds = [(_network_alone(name, arguments.side), *_segment(name, file, out)) for _ in range(arguments.rounds)]
        alone, whole = (median(speeds) for speeds in list(zip(*rounds, strict=True))[:2])
        peak = max(gigabytes for _, _, gigabytes in rounds)
        found[name] = {"rounds": rounds, "whole": whole, "alone": alone, "ratio": whole / alone, "peak_gib": peak}
    lines = ["| model | file to results, Mpx/s | network alone, Mpx/s | ratio |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {one['whole']:.2f} | {one['alone']:.2f} | {one['ratio']:.2f} |" for name, one in found.items()
    ]
    text = "\n".join(lines)
    print(text)
    write_json(out / "segmenting.json", {"side": arguments.side, "machine": machine(), "models": found})
    write_text(out / "segmenting.md", f"{text}\n")


def mosaic(images, side):
    """Images side by side until a square is full, each stretched to 16 bits."""
    plane, row, height = np.zeros((side, side), np.uint16), 0, min(len(image) for image in images)
    while row < side:
        column = 0
        while column < side:
            image = images[0]
            images = [*images[1:], image]
            low, high = np.percentile(image, (0.1, 99.9))
            grey = np.clip((image[:height] - low) / max(high - low, 1), 0, 1) * 60000
            room = plane[row : row + height, column : column + image.shape[1]]
            room[...] = grey[: room.shape[0], : room.shape[1]]
            column += image.shape[1]
        row += height
    return plane


def _network_alone(name, side):
    """Megapixels a second."""
    tiles = load_model(name).tiles
    window = min(tiles.side + 2 * tiles.margin, side)
    stack = np.random.default_rng(0).random((1, window, window), np.float32)
    tiles.network(stack)
    seconds = []
    for _ in range(PASSES):
        started = time.perf_counter()
        for _ in range(tiles.orientations):
            tiles.network(stack)
        seconds.append(time.perf_counter() - started)
    tiles.network.close()
    return window**2 / 1e6 / median(seconds)


def _segment(name, file, out):
    """Megapixels a second, and the largest memory of a child so far in GiB."""
    command = [sys.executable, "-m", "cellseg", "segment", str(file), "--model", name, "--out", str(out / "results")]
    started = time.perf_counter()
    subprocess.run([*command, "--overwrite"], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    with tifffile.TiffFile(file) as tiff:
        pixels = tiff.pages[0].size
    return pixels / 1e6 / seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


if __name__ == "__main__":
    cli.run(main)
