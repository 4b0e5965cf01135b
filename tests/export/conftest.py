"""The embedded engine runs in the tests' own process: it needs none of its own, and a new one takes seconds."""

import pytest

from cellseg.engine import isolation


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    monkeypatch.setattr(isolation, "call", lambda function, *arguments: function(*arguments))
