"""`cellseg segment`, from a clone that is not installed."""

import _clone

_clone.run("segment")
