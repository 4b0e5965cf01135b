"""Sizes of the report's data sets, and names of options; needs no numerical library."""

PATCH = 128
TRAIN_PATCHES, TEST_PATCHES = 200, 60
TUNED_PATCHES = 400
REAL_TRAIN, REAL_TEST = 55, 40
ORIENTATIONS = 8

NORMALISATIONS = ("percentile", "root", "standard", "unchanged")
RGB_RULES = ("refuse", "luminance")
RECORD = "data.json"

#: Pixels by which a radius has to shrink towards a neck for cells to be told apart there; see docs/segment.md.
SPLIT = 0.5

#: Public data sets of real images; see `cellseg.data.public`.
PUBLIC = ("real55", "fields")
