"""What all figures share: colours that colour-blind people can tell apart, a light and a dark theme, and saving."""

from pathlib import Path
from typing import NamedTuple

import matplotlib

from cellseg.files import replacing

# Okabe and Ito's palette, "Color universal design", 2008.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY_BLUE = "#E69F00", "#56B4E9"

_FONTS = ["DejaVu Sans", "Helvetica", "Arial", "sans-serif"]


def _theme(ink, faint):
    return {
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": faint,
        "axes.titlecolor": ink,
        "xtick.color": faint,
        "ytick.color": faint,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "legend.labelcolor": ink,
        "legend.facecolor": "none",
        "legend.edgecolor": faint,
        "legend.frameon": False,
        "grid.color": faint,
        "grid.alpha": 0.35,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.family": "sans-serif",
        "font.sans-serif": _FONTS,
        "font.size": 12,
        "lines.linewidth": 1.8,
        "svg.fonttype": "none",
        "svg.hashsalt": "cellseg",
    }


THEMES = {"light": _theme("#1b1f24", "#6b7280"), "dark": _theme("#e6e8eb", "#9aa3ad")}
_PAPER = "#ffffff"


class Picture(NamedTuple):
    """The files of one figure; `dark_svg` is None where one file is for both themes."""

    name: str
    png: Path
    svg: Path
    dark_svg: Path | None


def ink():
    """The colour of text in the theme in which a figure is being drawn."""
    return matplotlib.rcParams["text.color"]


def save(draw, folder, name, dark=True):
    """Draw a figure in each theme and write it.

    Parameters
    ----------
    draw : callable
        Called without arguments; gives a `matplotlib.figure.Figure`, made anew each time.
    folder : path
        For ``<name>.png`` (light, opaque, 200 dots per inch), ``<name>.svg`` and ``<name>-dark.svg`` (transparent).
    name : str
    dark : bool
        False for one that looks the same in both themes.

    Returns
    -------
    Picture
        The same figure gives the same bytes.
    """
    folder = Path(folder)
    picture = Picture(
        name, folder / f"{name}.png", folder / f"{name}.svg", folder / f"{name}-dark.svg" if dark else None
    )
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **THEMES["light"], "backend": "agg"}):
        figure = draw()
        with replacing(picture.svg) as svg, replacing(picture.png) as png:  # both, or none
            figure.savefig(svg, metadata={"Date": None}, bbox_inches="tight")
            figure.savefig(png, dpi=200, facecolor=_PAPER, metadata={"Software": None}, bbox_inches="tight")
    if dark:
        with matplotlib.rc_context({**matplotlib.rcParamsDefault, **THEMES["dark"], "backend": "agg"}):
            figure = draw()
            with replacing(picture.dark_svg) as svg:
                figure.savefig(svg, metadata={"Date": None}, bbox_inches="tight")
    return picture
