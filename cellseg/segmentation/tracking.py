"""Cells of a stack of time points, followed by the library LapTrack, with the method of TrackMate's simple LAP tracker.

LapTrack and not trackpy: it assigns the cells of two time points to each other all at once, which crowded cells need,
and is looked after more. The last releases were in February 2026 and July 2025.
"""

import numpy as np

from cellseg.data.diameter import median_diameter

#: The distribution's extra, and the libraries that it brings.
EXTRA, LIBRARIES = "track", ("laptrack", "networkx")

#: How many time points later a cell may be found again: it may be missed at one.
_LATEST = 2
#: If less than this part of the cells are found again at the next time point, the distance is doubted.
_FEWEST = 0.5


def track(planes, distance=None):
    """Follow the cells of a stack along its axis T. Each slice is followed by itself.

    Parameters
    ----------
    planes : sequence of cellseg.segmentation.plane_result.PlaneResult
    distance : float, optional
        How far a cell moves at most, in pixels, until it is found again. By default the median diameter of all cells.

    Returns
    -------
    tracks : list of ndarray of shape (n,), int64
        For each plane the track of each of its cells. Tracks have the numbers from 1 on, in the order of their first
        cells. A cell that divides ends its track or goes on as one of its daughters; the others begin tracks.
    warnings : list of str
    """
    areas = np.concatenate([plane.table["area"] for plane in planes])
    if not len(areas):
        return [np.zeros(0, np.int64) for _ in planes], []
    distance = distance or median_diameter(areas)
    first = np.cumsum([0, *(plane.count for plane in planes)])  # of each plane's cells among all
    pairs = []
    for series in _series(planes):
        places = [_centres(planes[page].table) for page in series]
        for (time, cell), (later, other) in _links(places, distance):
            pairs.append((first[series[time]] + cell, first[series[later]] + other, later - time))
    tracks = _numbered(pairs, len(areas))
    followed = sum(planes[page].count for series in _series(planes) for page in series[:-1])
    found = sum(1 for *_, gap in pairs if gap == 1)
    doubt = f"only {found} of {followed} cells are found again at the next time point, within {distance:.0f} pixels: "
    doubt += "if cells move farther, give --track-distance"
    return np.split(tracks, first[1:-1]), [doubt] if found < _FEWEST * followed else []


def _series(planes):
    """The pages that differ in nothing but T, for each slice, in the order of time."""
    slices = {}
    for page, plane in enumerate(planes):
        rest = tuple(sorted((letter, number) for letter, number in plane.plane.index.items() if letter != "T"))
        slices.setdefault(rest, []).append(page)
    return [sorted(pages, key=lambda page: planes[page].plane.index["T"]) for pages in slices.values()]


def _centres(table):
    return np.stack([table["centroid_row"], table["centroid_column"]], axis=1)


def _links(places, distance):
    """Pairs (time, cell), (later, cell) of cells that follow each other, as LapTrack finds them."""
    from laptrack import LapTrack

    if len(places) == 1 or not any(map(len, places)):  # which it does not take
        return []
    most = distance**2
    tracker = LapTrack(
        cutoff=most, gap_closing_cutoff=most, gap_closing_max_frame_count=_LATEST, splitting_cutoff=False
    )
    return [sorted(pair) for pair in tracker.predict(places).edges]


def _numbered(pairs, count):
    """Give each of the cells 0 to count - 1 the number of its track."""
    tracks, numbers = np.arange(count), {}
    for cell, later, _ in sorted(pairs):
        tracks[later] = tracks[cell]
    return np.array([numbers.setdefault(track, len(numbers) + 1) for track in tracks.tolist()], np.int64)
