"""Running a script written for pycaffe as it is, on any engine: `run`."""

import builtins
import importlib
import os
import sys
import traceback
import types
from pathlib import Path

from cellseg import engine
from cellseg.engine import python2
from cellseg.engine.names import kind_of, python_with
from cellseg.errors import CellsegError

_CONVERT = "bring it to Python 3, for instance with 2to3 or futurize"


def run(path, words, name="auto"):
    """Run a script as ``python script.py ...`` does, with an engine in place of ``import caffe``.

    The script's own exit code and its tracebacks are as Python gives them; it ends the process through `SystemExit`
    where it says so. With real Caffe in another Python this process becomes that one.

    Parameters
    ----------
    path : str or path
    words : list of str
        Its arguments.
    name : str
        See `cellseg.engine.load`.

    Returns
    -------
    int
        Exit code: 0, or 1 after an exception.

    Raises
    ------
    CellsegError
        If it cannot be read, is written for Python 2, needs a module that is missing, or asks the engine for something
        that it refuses; with the script's line.
    """
    whole = os.path.abspath(path)
    try:
        code = _compiled(path, whole)
    except SyntaxError as error:
        return _shown(error, whole)
    other = python_with(name)
    if other:
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(other, [other, str(path), *words])
    caffe = engine.as_caffe(name)
    if kind_of(name) == "torch" and caffe.describe()["device"] == "cpu":
        importlib.import_module("cellseg.engine.pycaffe.place").without_gpu(caffe)
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=whole, __builtins__=builtins)
    sys.modules["__main__"], sys.argv = main, [str(path), *words]
    folder = str(Path(path).resolve().parent)
    sys.path[:] = [folder, *(sys.path if sys.flags.safe_path else sys.path[1:])]
    try:
        exec(code, main.__dict__)
    except (CellsegError, ModuleNotFoundError) as error:
        explained = CellsegError(_explained(error, path, whole))
        explained.details = getattr(error, "details", "")
        raise explained from error
    except Exception as error:
        return _shown(error, whole)
    return 0


def _compiled(path, whole):
    if Path(path).suffix == ".ipynb":
        raise CellsegError(f"{path}: is a notebook; start it with: from cellseg import engine; engine.as_caffe()")
    try:
        return compile(Path(path).read_bytes(), whole, "exec", dont_inherit=True)
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror}); give a Python script") from error
    except ValueError as error:
        if isinstance(error, UnicodeError):
            raise
        raise CellsegError(f"{path}: is no Python script ({error})") from error


def _shown(error, whole):
    """Show an exception as Python does when it ends with one, and give the exit code; one of Python 2 is refused."""
    _refuse_python_2(error)
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename != whole:
        trace = trace.tb_next
    sys.stdout.flush()
    traceback.print_exception(type(error), error, trace)
    return 1


def _refuse_python_2(error):
    found = python2.sign(error)
    if found:
        file, line, text = found
        raise CellsegError(f"{os.path.relpath(file)}:{line}: is Python 2 ({text[:80]}); {_CONVERT}") from error


def _explained(error, path, whole):
    """A mistake with the script's line, and for a missing module what to do."""
    lines = [entry.lineno for entry in traceback.extract_tb(error.__traceback__) if entry.filename == whole]
    where = f"{path}:{lines[-1]}" if lines else path
    if isinstance(error, CellsegError):
        return f"{where}: {error}"
    _refuse_python_2(error)
    module = error.name or str(error)
    if module.split(".")[0] == "caffe":
        return f"{where}: the embedded engine has no module {module}; docs/caffe-files.md lists what there is"
    return (
        f"{where}: needs {module}, which this Python ({sys.executable}) lacks; run: pip install {module.split('.')[0]}"
    )
