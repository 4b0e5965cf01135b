"""What OME-XML says of the file that carries it: its images, their files, channels and pixel sizes."""

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from cellseg.errors import CellsegError
from cellseg.images.units import pixel_size

_UNIT = "µm"  # of OME's schema, where a file gives none
_PAGE = 16  # bytes that a page of a TIFF takes at least


@dataclass
class OmeImage:
    """One image that a file holds, or of which it holds some planes.

    Attributes
    ----------
    xml : str
        The document with this image alone.
    files : tuple of path
        All files that hold planes of it; those of a companion file are among them.
    names : tuple of str
        Of the channels; empty if not all have one.
    pixel_size : tuple of float or None
    warnings : list of str
    """

    xml: str
    files: tuple[Path, ...]
    names: tuple[str, ...]
    pixel_size: tuple[float, float] | None
    warnings: list[str]


def read_ome(text: str, path: Path) -> list[OmeImage]:
    """The images of which a file holds planes.

    Parameters
    ----------
    text : str
        The file's OME-XML. One that only names a companion file (``BinaryOnly``) is replaced by that.
    path : path
        The file. Others of the same image are looked for beside it.

    Returns
    -------
    list of OmeImage
        Empty if the text speaks of other files only.

    Raises
    ------
    CellsegError
        If an image is said to have more planes than its files can hold.
    OSError, ElementTree.ParseError
        If the companion file is missing, or something is no XML.
    """
    root = _parsed(text)
    own, companion = root.get("UUID"), []
    only = root.find("{*}BinaryOnly")
    if only is not None:
        companion = [path.parent / only.get("MetadataFile", "")]
        root = _parsed(companion[0].read_text(encoding="utf-8"))
    parents = [image for image in root if _tag(image) == "Image"]
    images = []
    for image in parents:
        files = _files(image, path, own)
        if path in files:
            _check_planes(image, files, path)
            for other in parents:
                if other in root:
                    root.remove(other)
            root.append(image)
            images.append(_image(ElementTree.tostring(root, encoding="unicode"), image, [*files, *companion]))
    return images


def _parsed(text):
    # A text that is decoded already must not name an encoding.
    head, _, rest = text.lstrip().partition("?>")
    return ElementTree.fromstring(rest if head.startswith("<?xml") else text)


def _tag(element):
    return element.tag.rpartition("}")[2]


def _files(image, path, own):
    """The files of an image's planes, in their order; `path` itself where the XML means it."""
    files = {}
    for data in image.iterfind("{*}Pixels/{*}TiffData"):
        uuid = data.find("{*}UUID")
        name = path.name if uuid is None or own and uuid.text == own else uuid.get("FileName", path.name)
        files[path.parent / name] = None
    return list(files)


def _check_planes(image, files, path):
    """Refuse more planes than there are elements that name some, and bytes for them: others list each plane."""
    pixels = image.find("{*}Pixels")
    planes = math.prod(int(pixels.get(f"Size{axis}", 1)) for axis in "TCZ")
    listed = len(pixels.findall("{*}TiffData"))
    held = sum(file.stat().st_size for file in files if file.is_file())
    if planes > listed + held // _PAGE:
        what = f"its OME metadata promises {planes} planes, which it is far too small for"
        raise CellsegError(f"{path}: {what}; replace it or leave it out")


def _image(xml, image, files):
    pixels = image.find("{*}Pixels")
    names = tuple(channel.get("Name") for channel in pixels.iterfind("{*}Channel"))
    sides = [(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", _UNIT)) for axis in "YX"]
    size, warnings = pixel_size(sides[0][0], sides[1][0], sides[0][1], sides[1][1])
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        warnings.append(f"{len(missing)} of its {len(files)} files missing ({shown}): their planes are empty")
    return OmeImage(xml, tuple(files), names if all(names) else (), size, warnings)
