"""OME-Zarr images (NGFF 0.4 and 0.5): the full size of the first multiscale image, chunk by chunk."""

from cellseg.errors import CellsegError, install
from cellseg.images.source import Layout

_MICROMETRES = {
    "angstrom": 1e-4,
    "nanometer": 1e-3,
    "micrometer": 1.0,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "meter": 1e6,
}


def read_layout(path):
    """What the metadata of an OME-Zarr image says."""
    try:
        import zarr
    except ImportError as error:
        raise CellsegError(f"{path}: OME-Zarr needs zarr ({error}); {install('zarr')}") from error
    group = zarr.open(str(path), mode="r")
    attributes = dict(group.attrs)
    attributes = attributes.get("ome", attributes)
    if not attributes.get("multiscales"):
        raise CellsegError(f"{path}: is no OME-Zarr image (its metadata names no multiscales); give one that is")
    image = attributes["multiscales"][0]
    level = image["datasets"][0]
    array = group[level["path"]]
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in image.get("axes", "tczyx")]
    letters = "".join(_letter(axis["name"]) for axis in axes)
    if len(letters) != array.ndim:
        raise CellsegError(f"{path}: names {len(letters)} axes for {array.ndim} dimensions; repair its metadata")
    labels = [channel.get("label", "") for channel in attributes.get("omero", {}).get("channels", [])]

    def window(index, top, bottom, left, right):
        box = {"Y": slice(top, bottom), "X": slice(left, right)}
        pixels = array[tuple(box.get(letter, index.get(letter)) for letter in letters)]
        return pixels if letters.index("Y") < letters.index("X") else pixels.T

    return Layout(letters, array.shape, array.dtype, window, tuple(labels), _pixel_size(axes, image, level, letters))


def _letter(name):
    return name.upper() if name.upper() in ("T", "C", "Z", "Y", "X") else "I"


def _pixel_size(axes, image, level, letters):
    sizes = {}
    for letter, axis, number in zip(letters, axes, range(len(letters))):
        size = _MICROMETRES.get(axis.get("unit"))
        for transforms in (level, image):
            for transform in transforms.get("coordinateTransformations", []):
                if size and transform["type"] == "scale":
                    size *= transform["scale"][number]
        sizes[letter] = size
    return (sizes["Y"], sizes["X"]) if sizes.get("Y") and sizes.get("X") else None
