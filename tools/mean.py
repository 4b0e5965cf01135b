"""`cellseg mean`, from a clone that is not installed."""

import _clone

_clone.run("mean")
