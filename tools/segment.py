"""Segment images with a trained model; the same as the installed command `cellseg segment`. See --help."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli
from cellseg.commands import segment

if __name__ == "__main__":
    cli.run(segment.main)
