"""Records: what is written can be read, and what cannot be read is named with file and field."""

import math
from dataclasses import dataclass, field

import pytest

from cellseg.errors import CellsegError
from cellseg.records import read_record, write_record


@dataclass(frozen=True, kw_only=True)
class Part:
    size: int


@dataclass(frozen=True, kw_only=True)
class Thing:
    name: str
    weight: float = 1.0
    parts: list[Part] = field(default_factory=list)
    version: int = 2

    @staticmethod
    def from_old(values):
        return {**values, "name": values["title"]}


THING = Thing(name="a", weight=0.5, parts=[Part(size=3)])


def test_what_is_written_is_read_again(tmp_path):
    write_record(tmp_path / "thing.json", THING)
    assert read_record(tmp_path / "thing.json", Thing) == THING


def test_a_file_from_before_versions_is_upgraded(tmp_path):
    (tmp_path / "thing.json").write_text('{"title": "b", "unknown": [1]}')
    assert read_record(tmp_path / "thing.json", Thing) == Thing(name="b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"version": 2, "name": 3}', "name: expected str, got int"),
        ('{"version": 2, "name": "a", "parts": [{"size": 1.5}]}', r"parts\[0\].size: expected int"),
        ('{"version": 2, "name": "a", "parts": [{}]}', r"parts\[0\]: object missing required field size"),
        ('{"version": 2}', "missing required field name"),
        ('{"version": 2, "name": "a", "weight": NaN}', "malformed"),
        ('{"version": 2, "name": "a", "weight": 1e999}', "weight|out of range"),
        ('{"version": 3, "name": "a"}', "newer cellseg"),
        ('{"version": "x", "name": "a"}', "version: expected int"),
        ('{"name": "a"}', "title"),
        ('{"version": 2, "name": "a", "parts": ' + "[" * 100000, "too deeply"),
        ("[1]", "expected object"),
        ('{"version": 2, "na', "truncated"),
        ("", "truncated"),
        ("\x00\xff", "malformed"),
    ],
)
def test_a_damaged_file_is_one_line_with_file_and_field(tmp_path, text, words):
    path = tmp_path / "thing.json"
    path.write_text(text)
    with pytest.raises(CellsegError, match=f"thing.json.*({words})"):
        read_record(path, Thing)


def test_a_missing_and_a_huge_file_are_named(tmp_path):
    path = tmp_path / "thing.json"
    with pytest.raises(CellsegError, match="thing.json: cannot be read"):
        read_record(path, Thing)
    with open(path, "wb") as stream:
        stream.truncate(1 << 30)
    with pytest.raises(CellsegError, match="thing.json: larger than"):
        read_record(path, Thing)


@pytest.mark.parametrize("change", [{"weight": math.nan}, {"weight": math.inf}, {"name": 3}])
def test_what_could_not_be_read_is_not_written(tmp_path, change):
    with pytest.raises(ValueError):
        write_record(tmp_path / "thing.json", Thing(**{"name": "a", **change}))
    assert list(tmp_path.iterdir()) == []
