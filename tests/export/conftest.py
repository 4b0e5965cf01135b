"""The embedded engine runs in the tests' own process: it needs none of its own, and a new one takes seconds."""

import pytest

from cellseg.engine import process


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    monkeypatch.setattr(process, "call", lambda function, *arguments, **options: function(*arguments))
