"""Child processes: results, errors, signals, real Caffe's ends; and which Python holds which engine."""

import os
import signal
import subprocess
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import connection
from pathlib import Path

import numpy as np
import pytest
from nets import open_net, same
from support import ROOT

from cellseg import engine
from cellseg.engine import names, process
from cellseg.errors import CellsegError


def doubled(value):
    return os.getpid(), value * 2


def test_results_come_back_from_another_process():
    pid, array = process.call(doubled, np.arange(3))
    assert pid != os.getpid()
    np.testing.assert_array_equal(array, [0, 2, 4])


def test_a_thread_can_call_too():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(process.call, doubled, 4).result(timeout=60)[1] == 8


def refuse():
    raise CellsegError("this file: wrong")


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("function, error", [(refuse, CellsegError), (interrupt, KeyboardInterrupt)])
def test_errors_of_the_user_are_raised_here(function, error):
    with pytest.raises(error):
        process.call(function)


def test_low_level_messages_go_to_the_log(tmp_path):
    for word in (b"first\n", b"second\n"):
        process.call(write, word, log=tmp_path / "log")
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\n"


def write(word):
    os.write(2, word)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def end_by(number):
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def test_a_child_that_is_asked_to_end_before_it_can_listen_is_interrupted():
    with pytest.raises(KeyboardInterrupt):
        process.call(end_by, signal.SIGTERM)


def divide(number):
    return number / 0


def test_a_child_does_one_call_after_another_until_it_ends():
    with process.Child() as child:
        first, second = child.call(doubled, 1), child.call(doubled, 2)
        assert first[0] == second[0] and second[1] == 4
        with pytest.raises(CellsegError, match="wrong"):
            child.call(refuse)
        assert child.call(doubled, 3)[0] == first[0]
        with pytest.raises(process.ChildEnded, match="ended by signal 9"):
            child.call(die)
        with pytest.raises(process.ChildEnded, match="ended by signal 9"):
            child.call(doubled, 3)


def test_a_defect_keeps_its_traceback(capfd):
    with pytest.raises(CellsegError, match="traceback above"):
        process.call(divide, 1)
    assert "ZeroDivisionError" in capfd.readouterr().err


def tell(count):
    for number in range(count):
        process.report(number)
    return "told"


def test_several_children_report_and_are_waited_for():
    with process.Child() as one, process.Child() as other:
        one.send(tell, 3)
        other.send(tell, 2)
        found = {one: [], other: []}
        while sum(map(len, found.values())) < 7:
            for child in connection.wait([one, other], timeout=60):
                found[child].append(child.receive())
    assert [value for _, value in found[one]] == [0, 1, 2, "told"]
    assert [kind for kind, _ in found[other]] == ["report", "report", "result"]


def threads_and_place():
    return [os.environ[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")], os.getcwd(), os.environ["X"]


def test_a_child_has_threads_a_folder_and_variables_of_its_own(tmp_path):
    with process.Child(threads=3, folder=tmp_path, environment={"X": "y"}) as child:
        assert child.call(threads_and_place) == (["3", "3"], str(tmp_path), "y")


def test_what_is_no_function_of_a_module_cannot_be_called():
    with pytest.raises(ValueError, match="function of a module"):
        process.call(lambda: None)


def run_script(tmp_path, text, **options):
    (tmp_path / "script.py").write_text(text)
    command = [sys.executable, str(tmp_path / "script.py"), str(ROOT)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_ctrl_c_is_left_to_the_child(tmp_path):
    """One that reaches the parent alone is passed on, that of a terminal does no harm, and the answer arrives."""
    code = """if True:
        import os, signal, sys, time
        sys.path.insert(0, sys.argv[1]) if len(sys.argv) > 1 else None
        from cellseg.engine import process
        def work():
            try:
                os.kill(os.getppid(), signal.SIGINT)
                time.sleep(10)
            except KeyboardInterrupt:
                os.kill(os.getpid(), signal.SIGINT)
                return "snapshot written"
        if __name__ == "__main__":
            print(process.call(work))
    """
    out, errors = run_script(tmp_path, code).communicate(timeout=60)
    assert out.strip() == "snapshot written", errors


@pytest.mark.parametrize("own_ctrl_c", [False, True])
def test_a_child_whose_parent_was_killed_ends(tmp_path, own_ctrl_c):
    """Also in the middle of a call; it can clean up."""
    code = f"""if True:
        import os, signal, sys, time
        sys.path.insert(0, sys.argv[1]) if len(sys.argv) > 1 else None
        from cellseg.engine import process
        def work():
            try:
                print(os.getpid(), flush=True)
                time.sleep(60)
            finally:
                print("cleaned up", flush=True)
        if __name__ == "__main__":
            with process.Child(own_ctrl_c={own_ctrl_c}) as child:
                child.call(work)
    """
    parent = run_script(tmp_path, code)
    child = int(parent.stdout.readline())
    parent.kill()
    rest = parent.stdout.read()  # until the child, too, has closed it
    assert rest.strip() == "cleaned up"
    parent.wait()
    limit = time.monotonic() + 20
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]:
        assert time.monotonic() < limit and not time.sleep(0.05)


def test_unknown_engine_lists_the_known_ones():
    with pytest.raises(CellsegError, match="there are: auto, caffe"):
        engine.load("theano")


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No engine in this Python, nor beside."""
    monkeypatch.setitem(sys.modules, "caffe", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(names, "__file__", str(tmp_path / "cellseg/engine/names.py"))
    monkeypatch.delenv("CELLSEG_CAFFE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name, advice", [("caffe", "make caffe"), ("torch", "make venv"), ("auto", "make venv")])
def test_without_an_engine_the_way_to_it_is_named(bare, name, advice):
    with pytest.raises(CellsegError, match=advice):
        engine.load(name)
    with pytest.raises(CellsegError, match=advice):
        names.python_with(name)


def program(path):
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_real_caffe_is_found_beside_or_where_a_variable_says(bare, monkeypatch):
    beside = program(bare / ".caffe/bin/python")
    assert names.python_with("caffe") == names.python_with("auto") == beside
    (bare / "elsewhere").mkdir()
    monkeypatch.chdir(bare / "elsewhere")
    assert names.python_with("caffe") == beside  # of the sources
    named = program(bare / "my/python")
    monkeypatch.setenv("CELLSEG_CAFFE", named)
    assert names.python_with("caffe") == named
    monkeypatch.setenv("CELLSEG_CAFFE", "nowhere/python")
    with pytest.raises(CellsegError, match="CELLSEG_CAFFE=nowhere/python: no such program"):
        names.python_with("caffe")


def test_auto_is_the_embedded_engine_where_pytorch_is(bare, monkeypatch):
    program(bare / ".caffe/bin/python")
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    assert names.kind_of("auto") == "torch" and names.python_with("auto") is None


def test_a_folder_that_is_called_caffe_is_no_engine(bare, monkeypatch):
    monkeypatch.delitem(sys.modules, "caffe")
    (bare / "caffe").mkdir()
    monkeypatch.syspath_prepend(str(bare))
    assert not names.found("caffe")


def test_importing_the_engine_package_does_not_import_an_engine():
    code = "import sys, cellseg.engine; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.caffe
def test_arrays_and_paths_reach_real_caffes_python_and_come_back(tmp_path):
    values = [np.arange(6.0).reshape(2, 3), np.float32(0.5), {"path": tmp_path}, np.array([True])]
    with process.Child("caffe") as child:
        found = child.call(same, values)
    assert found[1:3] == values[1:3] and type(found[1]) is np.float32
    np.testing.assert_array_equal(found[0], values[0])
    assert found[3].dtype == bool


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
        process.call(open_net, tmp_path / "net.prototxt", engine="caffe", log=tmp_path / "log")
    assert "\n" not in str(caught.value)
    for word in [*words, "Caffe stopped", str(tmp_path / "log")]:
        assert word in str(caught.value)
