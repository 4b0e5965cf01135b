"""`cellseg inspect`, from a clone that is not installed. (A file called inspect.py here would hide Python's own.)"""

import _clone

_clone.run("inspect")
