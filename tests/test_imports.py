"""Imports point one way, from the commands down to the ground. No circles, in folders or between them."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "cellseg"

#: From the ground up; what stands in one row may import each other, but not in a circle.
FLOORS = (
    ("errors", "progress", "interrupts", "locks", "scratch", "files", "records", "results", "memory", "cli", "layout"),
    ("simcep", "images", "network"),
    ("engine", "data"),
    ("inference", "models"),
    ("recipes", "training", "evaluation", "segmentation"),
    ("export", "report", "inspection"),
    ("experiment", "fine_tuning"),
    ("commands", "napari"),
    ("__main__",),
)


def modules():
    """Each module's name and file; a package is called as its folder."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@pytest.fixture(scope="module")
def arrows():
    """Each module with the modules that it imports anywhere, in its functions too."""
    known = dict(modules())
    return {name: set(_imported(path, known)) - {name} for name, path in known.items()}


def _imported(path, known):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                yield below if below in known else node.module


def circle(arrows):
    """A circle as a list of names, or None."""
    done, way = set(), []

    def visit(name):
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            way.append(name)
            for other in sorted(arrows.get(name, ())):
                found = visit(other)
                if found:
                    return found
            way.pop()
            done.add(name)
        return None

    return next(filter(None, map(visit, sorted(arrows))), None)


def room(name):
    """The folder or single module, directly in the package, to which a module belongs."""
    return (name.split(".") + [""])[1]


def test_the_circle_finder():
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) is None
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_no_circle_of_modules(arrows):
    assert sum(map(len, arrows.values())) > 100
    assert circle(arrows) is None


def test_no_circle_of_folders(arrows):
    folders = {}
    for name, others in arrows.items():
        folders.setdefault(room(name), set()).update(room(other) for other in others)
    assert circle({name: others - {name, ""} for name, others in folders.items() if name}) is None


def test_imports_point_down(arrows):
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    assert {room(name) for name in arrows} - {""} <= set(floor)
    up = [
        f"{name} imports {other}"
        for name, others in arrows.items()
        for other in others
        if room(name) and room(other) and floor[room(other)] > floor[room(name)]
    ]
    assert not up
