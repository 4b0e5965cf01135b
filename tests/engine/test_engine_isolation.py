import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cellseg import engine
from cellseg.engine import isolation
from cellseg.errors import CellsegError


def doubled(value):
    return os.getpid(), value * 2


def test_results_come_back_from_another_process():
    pid, array = isolation.call(doubled, np.arange(3))
    assert pid != os.getpid()
    np.testing.assert_array_equal(array, [0, 2, 4])


def test_a_thread_can_call_too():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(isolation.call, doubled, 4).result(timeout=60)[1] == 8


def refuse():
    raise CellsegError("this file: wrong")


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("function, error", [(refuse, CellsegError), (interrupt, KeyboardInterrupt)])
def test_errors_of_the_user_are_raised_here(function, error):
    with pytest.raises(error):
        isolation.call(function)


def test_low_level_messages_go_to_the_log(tmp_path):
    for word in (b"first\n", b"second\n"):
        isolation.call(os.write, 2, word, log=tmp_path / "log")
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\n"


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_child_is_reported():
    with pytest.raises(CellsegError, match="ended by signal 9"):
        isolation.call(die)


def divide(number):
    return number / 0


def test_a_defect_keeps_its_traceback(capfd):
    with pytest.raises(CellsegError, match="traceback above"):
        isolation.call(divide, 1)
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_ctrl_c_is_left_to_the_child():
    """The child outlives a Ctrl-C of the terminal and its answer arrives."""
    code = """if True:
        import os, signal, sys, time
        sys.path.insert(0, sys.argv[1])
        from cellseg.engine import isolation
        def work():
            try:
                os.kill(os.getppid(), signal.SIGINT)
                time.sleep(0.2)
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(10)
            except KeyboardInterrupt:
                return "snapshot written"
        print(isolation.call(work))
    """
    from support import PYTHON, ROOT

    done = subprocess.run([PYTHON, "-c", code, str(ROOT)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "snapshot written", done.stderr


def test_unknown_engine_lists_the_known_ones():
    with pytest.raises(CellsegError, match="there are: auto, caffe"):
        engine.load("theano")


@pytest.mark.parametrize(
    "name, advice", [("caffe", "make caffe"), ("torch", "make venv"), ("auto", "make caffe.*make venv")]
)
def test_without_an_engine_the_way_to_it_is_named(monkeypatch, name, advice):
    monkeypatch.setitem(sys.modules, "caffe", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(CellsegError, match=advice):
        engine.load(name)


@pytest.mark.caffe
def test_the_engine_is_pycaffe_itself():
    import caffe

    assert engine.load("auto") is caffe
    assert engine.describe(caffe)["name"] == "caffe"


def open_net(path):
    engine.load().Net(str(path), 1)


@pytest.mark.caffe
@pytest.mark.parametrize(
    "text, words",
    [
        ("name: 'net'\nnonsense: 3\n", ["Failed to parse", "2:9", "nonsense"]),
        ("layer { name: 'a' type: 'Softmax' bottom: 'nothing' top: 'b' }", ["Unknown bottom blob 'nothing'"]),
        ("layer { name: 'a' type: 'Telepathy' }", ["Telepathy"]),
    ],
)
def test_where_caffe_aborts_its_message_is_raised(tmp_path, text, words):
    (tmp_path / "net.prototxt").write_text(text)
    with pytest.raises(CellsegError) as caught:
        isolation.call(open_net, tmp_path / "net.prototxt", log=tmp_path / "log")
    assert "\n" not in str(caught.value)
    for word in [*words, "Caffe stopped", str(tmp_path / "log")]:
        assert word in str(caught.value)


def test_a_caller_that_has_used_pytorch_gets_an_answer(tmp_path):
    """A fork of it would wait for ever for threads that it does not have."""
    pytest.importorskip("torch")
    from support import PYTHON, ROOT

    code = """
        import sys
        sys.path.insert(0, sys.argv[1])
        import torch
        from cellseg.engine import isolation
        torch.set_num_threads(2)
        torch.rand(600, 600) @ torch.rand(600, 600)
        print(isolation.call(torch.mm, torch.ones(600, 600), torch.ones(600, 600)).sum().item())
    """
    done = subprocess.run([PYTHON, "-c", textwrap.dedent(code), str(ROOT)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == str(600.0**3), done.stderr
