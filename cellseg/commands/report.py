"""Write the page over a folder of results, or the illustrated report of experiments.

    cellseg report results    results of `cellseg segment`: the page to look at, results/index.html
    cellseg report runs       experiments: our figures and tables beside those of the report that cellseg reproduces

The pages need nothing but themselves. The report's pictures lie beside it as files too; all finished runs are in it.
"""

import sys
from pathlib import Path

from cellseg import cli
from cellseg.errors import CellsegError


def add_arguments(parser):
    """Add the verb's options."""
    holds = "folder of results of `cellseg segment`, or folder that holds runs (default: %(default)s)"
    parser.add_argument("folder", nargs="?", default="runs", help=holds)
    parser.add_argument(
        "--out", help="folder for the report of runs: report.html and figures/ (default: FOLDER/report)"
    )


def run(arguments):
    """Write the page."""
    from cellseg.locks import only_writer
    from cellseg.report.results.page import write_page
    from cellseg.report.results.read import holds_results

    folder = arguments.folder
    if holds_results(folder):
        if arguments.out:
            raise CellsegError(f"{folder}: holds results, whose page lies with them; leave out --out {arguments.out}")
        with only_writer(folder):
            print(write_page(folder))
        return
    cli.need("report", "matplotlib")
    from cellseg.report.page import write_report

    print(write_report(folder, arguments.out or Path(folder) / "report", _say))


def _say(line):
    stream = sys.stderr if line.startswith("warning:") else sys.stdout
    print(line, file=stream, flush=True)
