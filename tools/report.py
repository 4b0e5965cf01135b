"""Write the illustrated report: our figures and tables beside those of the report that this project reproduces.

All finished runs below a folder are read. The page needs nothing but itself; its pictures lie beside it as files too.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli


def parse():
    parser = cli.Parser(description=__doc__)
    parser.add_argument("runs", nargs="?", default="runs", help="folder that holds the runs (%(default)s)")
    parser.add_argument("--out", help="folder for report.html and figures/ (default: RUNS/report)")
    return parser.parse_args()


def say(line):
    stream = sys.stderr if line.startswith("warning:") else sys.stdout
    print(line, file=stream, flush=True)


def main():
    arguments = parse()
    # Current libraries are where the embedded engine is.
    cli.need("h5py", "jinja2", "matplotlib", "scipy", "skimage", "tqdm", fallback="torch")
    from cellseg.report.page import write_report

    print(write_report(arguments.runs, arguments.out or Path(arguments.runs) / "report", say))


if __name__ == "__main__":
    cli.run(main)
