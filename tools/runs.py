"""`cellseg runs`, from a clone that is not installed."""

import _clone

_clone.run("runs")
