"""Show the mean of images that a net subtracts, compute it, or write it in another form.

Takes a .binaryproto or .npy with a mean; or images, of which it computes the mean: a folder, a list as Caffe's
convert_imageset takes it, the database that it makes, an HDF5 file, a list of HDF5 files.

    cellseg mean imagenet_mean.binaryproto --out mean.npy
    cellseg mean train.txt --root images/ --out mean.binaryproto
"""

from pathlib import Path


def add_arguments(parser):
    """Add the verb's options."""
    parser.add_argument("source", help="a mean, or images")
    out = "file for the mean: .binaryproto for Caffe, .npy for scripts, .png to look at"
    parser.add_argument("--out", help=out)
    parser.add_argument("--dataset", default="data", help="of HDF5 files (default: %(default)s)")
    parser.add_argument("--grey", action="store_true", help="read pictures as grey values, not as blue, green, red")
    parser.add_argument("--root", metavar="FOLDER/", help="what stands before the names in a list")


def run(arguments):
    """Show the mean, and write it."""
    from cellseg.data.mean import compute_mean, read_mean, write_mean

    source, origin = Path(arguments.source), "as it is"
    if source.suffix.lower() in (".binaryproto", ".npy"):
        mean = read_mean(source)
    else:
        mean, number = compute_mean(source, arguments.dataset, arguments.grey, arguments.root or "")
        origin = f"of {number} images"
    print(f"{source}: mean {origin}, {'x'.join(map(str, mean.shape))}, values {mean.min():g} to {mean.max():g}")
    for channel, values in enumerate(mean.astype(float)):
        print(f"mean_value of channel {channel}: {values.mean():.6g}")
    if arguments.out:
        write_mean(arguments.out, mean)
        print(f"written: {arguments.out}")
