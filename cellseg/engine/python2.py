"""Telling code for Python 2 from other mistakes, by the exception that Python 3 raises at it."""

import linecache
import re
import traceback

# Syntax, where Python 3 finds a mistake of syntax.
_SYNTAX = re.compile(
    r"^\s*(print|exec)(\s+[^(=\s]|\s*$|\s*>>)|\bprint\s+[\"'\w]|^\s*raise\s+[\w.]+\s*,|^\s*except\s[^:]*,\s*\w+\s*:"
    r"|<>|`|\b0[0-7]+\b|\b\d+[lL]\b|\bur[\"']|\blambda\s*\(|^\s*def\s+\w+\(.*\(\w+\s*,"
)
_MODULES = [
    "cPickle",
    "ConfigParser",
    "Queue",
    "StringIO",
    "cStringIO",
    "commands",
    "copy_reg",
    "urllib2",
    "urlparse",
    "Tkinter",
]
_NAMES = [
    "xrange",
    "raw_input",
    "unicode",
    "basestring",
    "reload",
    "long",
    "unichr",
    "execfile",
    "file",
    "reduce",
    "cmp",
]
_METHODS = ("iteritems", "itervalues", "iterkeys", "has_key")
_REDIRECTED = "print(<message>, file="  # in what Python says of: print >>file, text


def sign(error):
    """Where and what in an exception says that the code is Python 2.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    (str, int, str) or None
        File, line and its text.
    """
    if isinstance(error, SyntaxError):
        line = linecache.getline(error.filename or "", error.lineno or 0).strip()
        found = isinstance(error, TabError) or _SYNTAX.search(line)
        return (error.filename, error.lineno, line) if found else None
    frames = traceback.extract_tb(error.__traceback__)
    return (frames[-1].filename, frames[-1].lineno, frames[-1].line) if frames and _at_run_time(error) else None


def _at_run_time(error):
    if isinstance(error, ModuleNotFoundError):
        return error.name in _MODULES
    if isinstance(error, NameError):
        return error.name in _NAMES
    if isinstance(error, AttributeError):
        return error.name in _METHODS and isinstance(error.obj, dict)
    return isinstance(error, TypeError) and _REDIRECTED in str(error)
