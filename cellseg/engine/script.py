"""Running a script written for pycaffe as it is, on any engine: `run`."""

import builtins
import importlib
import os
import re
import sys
import traceback
import types
from pathlib import Path

from cellseg import engine
from cellseg.engine.names import kind_of, python_with
from cellseg.errors import CellsegError

# What only Python 2 understands, where Python 3 finds a mistake of syntax.
_PYTHON_2 = re.compile(
    r"^\s*(print|exec)(\s+[^(=\s]|\s*$|\s*>>)|\bprint\s+[\"'\w]|^\s*raise\s+[\w.]+\s*,|^\s*except\s[^:]*,\s*\w+\s*:"
    r"|<>|`|\b0[0-7]+\b|\b\d+[lL]\b|\bur[\"']|\blambda\s*\(|^\s*def\s+\w+\(.*\(\w+\s*,"
)
#: Modules that only Python 2 has.
_MODULES_2 = ("cPickle", "ConfigParser", "Queue", "StringIO", "cStringIO", "commands", "urllib2", "urlparse", "Tkinter")
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
    try:
        code = _compiled(path)
    except SyntaxError as error:
        return _shown(error, None)
    other = python_with(name)
    if other:
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(other, [other, str(path), *words])
    caffe = engine.as_caffe(name)
    if kind_of(name) == "torch" and caffe.describe()["device"] == "cpu":
        importlib.import_module("cellseg.engine.pycaffe.place").without_gpu(caffe)
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=str(path), __builtins__=builtins)
    sys.modules["__main__"], sys.argv = main, [str(path), *words]
    folder = str(Path(path).resolve().parent)
    sys.path[:] = [folder, *(sys.path if sys.flags.safe_path else sys.path[1:])]
    try:
        exec(code, main.__dict__)
    except (CellsegError, ModuleNotFoundError) as error:
        explained = CellsegError(_explained(error, path))
        explained.details = getattr(error, "details", "")
        raise explained from error
    except Exception as error:
        return _shown(error, _of_script(error.__traceback__, path))
    return 0


def _compiled(path):
    if Path(path).suffix == ".ipynb":
        raise CellsegError(f"{path}: is a notebook; start it with: from cellseg import engine; engine.as_caffe()")
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror}); give a Python script") from error
    try:
        return compile(source, str(path), "exec", dont_inherit=True)
    except TabError as error:
        raise CellsegError(f"{path}:{error.lineno}: is Python 2: mixes tabs and spaces; {_CONVERT}") from error
    except SyntaxError as error:
        lines = source.decode("utf-8", "replace").splitlines()
        line = lines[error.lineno - 1].strip() if error.lineno and error.lineno <= len(lines) else ""
        if _PYTHON_2.search(line):
            raise CellsegError(f"{path}:{error.lineno}: is Python 2 ({line[:80]}); {_CONVERT}") from error
        raise
    except ValueError as error:
        raise CellsegError(f"{path}: is no Python script ({error})") from error


def _shown(error, trace):
    """Show an exception as Python does when it ends with one; gives the exit code."""
    sys.stdout.flush()
    traceback.print_exception(type(error), error, trace)
    return 1


def _explained(error, path):
    """A mistake with the script's line, and for a missing module what to do."""
    lines = [entry.lineno for entry in traceback.extract_tb(error.__traceback__) if entry.filename == str(path)]
    where = f"{path}:{lines[-1]}" if lines else path
    if isinstance(error, CellsegError):
        return f"{where}: {error}"
    module = error.name or str(error)
    if module.split(".")[0] == "caffe":
        return f"{where}: the embedded engine has no module {module}; docs/caffe-files.md lists what there is"
    if module.split(".")[0] in _MODULES_2:
        return f"{where}: is Python 2: only that has the module {module}; {_CONVERT}"
    return (
        f"{where}: needs {module}, which this Python ({sys.executable}) lacks; run: pip install {module.split('.')[0]}"
    )


def _of_script(trace, path):
    """A traceback from the script's own frame on."""
    while trace and trace.tb_frame.f_code.co_filename != str(path):
        trace = trace.tb_next
    return trace
