"""What microscopes' own kinds of TIFF say of channels and pixel sizes: LSM, SVS, STK and QPTIFF.

Their pixels lie as in any TIFF. The names and sizes stand in tags and texts of their own, which tifffile decodes.
"""

from xml.etree import ElementTree

import tifffile

from cellseg.images.units import pixel_size

#: Endings of their names.
SUFFIXES = (".lsm", ".svs", ".stk", ".qptiff")

_CENTIMETRE, _INCH = 3, 2  # of the tag ResolutionUnit
_PICTURES = ("thumbnail", "label", "macro")  # series that tifffile names so: of the slide, not images of it


def images_of(series: list) -> list:
    """The series of a file that are images, without the pictures that a slide scanner takes of the slide's glass."""
    return [one for one in series if one.name.lower() not in _PICTURES] or series


def names_and_size(file: tifffile.TiffFile, series) -> tuple[tuple[str, ...], tuple[float, float] | None, list[str]]:
    """The names of the channels, the size of a pixel in micrometres, and warnings.

    Parameters
    ----------
    file : tifffile.TiffFile
    series : tifffile.TiffPageSeries
        The image.

    Returns
    -------
    names : tuple of str
        Empty where the file has none.
    pixel_size : tuple of float or None
        Height and width.
    warnings : list of str
    """
    if file.is_lsm:
        said = file.lsm_metadata or {}
        names = tuple((said.get("ChannelColors") or {}).get("ColorNames") or ())
        return names, *pixel_size(said.get("VoxelSizeY"), said.get("VoxelSizeX"), "m", "m")
    if file.is_stk:
        said = file.stk_metadata or {}
        row, column = (said.get(f"{axis}Calibration") if said.get("SpatialCalibration") else None for axis in "YX")
        return (), *pixel_size(row, column, said.get("CalibrationUnits"), said.get("CalibrationUnits"))
    if file.is_svs:
        side = tifffile.tifffile.svs_description_metadata(series.keyframe.description).get("MPP")
        return (), *pixel_size(side, side, "um", "um")
    if file.is_qpi:
        unit = {_CENTIMETRE: "cm", _INCH: "inch"}.get(series.keyframe.tags.valueof("ResolutionUnit"))
        row, column = (page_side(series.keyframe, axis) for axis in "YX")
        return _names_of_pages(series), *pixel_size(row, column, unit, unit)
    return (), None, []


def page_side(page, axis: str) -> float | None:
    """The length of a pixel in the file's unit, from the pixels per unit of the tag; None without one."""
    tag = page.tags.get(f"{axis}Resolution")
    return tag.value[1] / tag.value[0] if tag is not None and all(tag.value) else None


def _names_of_pages(series):
    """What QPTIFF's pages, of which each is a channel, call themselves."""
    names = []
    for page in series.pages:
        try:
            names.append(ElementTree.fromstring(page.description).findtext("Name", ""))
        except ElementTree.ParseError:
            names.append("")
    return tuple(names) if len(names) > 1 else ()
