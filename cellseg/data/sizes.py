"""Sizes of the report's data sets; needs no numerical library."""

PATCH = 128
TRAIN_PATCHES, TEST_PATCHES = 200, 60
TUNED_PATCHES = 400
REAL_TRAIN, REAL_TEST = 55, 40
ORIENTATIONS = 8
