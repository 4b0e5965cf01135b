"""Search for faults by coverage, with atheris, which is not among the tests' libraries (pip install atheris):

    PYTHONPATH=.:tests python -m fuzz.guided FORMAT SECONDS

FORMAT is one of `fuzz.formats`, whose whole files are where the search begins. Inputs that lead to new places are kept
in the folder FORMAT-corpus, from which a later search goes on. The first fault ends it, with a traceback and a file
crash-*.
"""

import contextlib
import io
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["cellseg"]):
    from fuzz.formats import FORMATS

    from cellseg.errors import CellsegError


def main(name, seconds):
    """Search from the whole files of a format on, for so long."""
    corpus = Path(f"{name}-corpus").resolve()
    corpus.mkdir(exist_ok=True)
    work = Path(f"{name}-work")
    work.mkdir(exist_ok=True)
    with contextlib.chdir(work):
        with atheris.instrument_imports(include=["cellseg"]):
            attempt, _, files = FORMATS[name]()
            attempt()
        whole = {path: path.read_bytes() for path in files}
        for number, (path, content) in enumerate(whole.items()):
            (corpus / path.name).write_bytes(bytes([number] * (len(files) > 1)) + content)

        def once(content):
            """Put it in the place of each file in turn, which a first byte chooses."""
            place = files[content[0] % len(files)] if content else files[0]
            for path, known in whole.items():
                path.write_bytes(known)
            place.write_bytes(content[1:] if len(files) > 1 else content)
            try:
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    attempt()
            except CellsegError as error:
                assert str(error).isprintable(), repr(error)

        options = [
            f"-max_total_time={seconds}",
            "-timeout=20",
            "-rss_limit_mb=6000",
            "-max_len=20000",
            "-len_control=0",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus)], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
