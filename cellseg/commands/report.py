"""Write the illustrated report: our figures and tables beside those of the report that this project reproduces.

All finished runs below a folder are read. The page needs nothing but itself; its pictures lie beside it as files too.
"""

import sys
from pathlib import Path

from cellseg import cli


def add_arguments(parser):
    """Add the verb's options."""
    parser.add_argument("runs", nargs="?", default="runs", help="folder that holds the runs (default: %(default)s)")
    parser.add_argument("--out", help="folder for report.html and figures/ (default: RUNS/report)")


def run(arguments):
    """Write the page."""
    cli.need("report", "jinja2", "matplotlib")
    from cellseg.report.page import write_report

    print(write_report(arguments.runs, arguments.out or Path(arguments.runs) / "report", _say))


def _say(line):
    stream = sys.stderr if line.startswith("warning:") else sys.stdout
    print(line, file=stream, flush=True)
