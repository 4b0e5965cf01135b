"""Folders of results: the user's files stay, killed processes leave nothing for ever, one process at a time writes."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support import ROOT

from cellseg import results as module
from cellseg.errors import CellsegError
from cellseg.locks import only_writer
from cellseg.results import RECORD, check_result_files, check_result_folder, replacing_files, replacing_folder
from cellseg.scratch import remove_leftovers, scratch


def make(path, text="new"):
    with replacing_folder(path) as folder:
        (folder / "figures/empty").mkdir(parents=True)
        (folder / "page.html").write_text(text)
        (folder / "figures/a.png").write_text(text)
        if text == "old":
            (folder / "figures/b.png").write_text(text)


@pytest.fixture
def out(tmp_path):
    make(tmp_path / "out", "old")
    return tmp_path / "out"


def contents(folder):
    return {str(path.relative_to(folder)): path.is_file() and path.read_text() for path in folder.rglob("*")}


def test_our_own_result_is_replaced_also_if_it_was_copied(out):
    shutil.copytree(out, out.with_name("copy"))
    for folder in (out, out.with_name("copy")):
        make(folder)
        assert set(contents(folder)) == {RECORD, "page.html", "figures", "figures/empty", "figures/a.png"}
        assert (folder / "page.html").read_text() == "new"
    assert sorted(path.name for path in out.parent.iterdir()) == ["copy", "out"]


def mine(out):
    (out / "figures/mine.png").write_text("mine")
    return "figures/mine.png"


def changed(out):
    """With the same length, and the same time."""
    before = (out / "figures/a.png").stat()
    (out / "figures/a.png").write_text("my!")
    os.utime(out / "figures/a.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    return "figures/a.png"


def link(out):
    (out / "figures/a.png").unlink()
    (out / "figures/a.png").symlink_to(out.with_name("elsewhere"))
    out.with_name("elsewhere").write_text("old")
    return "figures/a.png"


def folder(out):
    (out / "notes").mkdir()
    return "notes"


def without_record(out):
    (out / RECORD).unlink()
    return "figures/a.png"


@pytest.mark.parametrize("touch", [mine, changed, link, folder, without_record])
def test_a_folder_with_something_of_the_users_is_left_as_it_is(out, touch):
    name = touch(out)
    before = contents(out)
    with pytest.raises(CellsegError, match=f"holds '{name}', and .* move it away"):
        check_result_folder(out)
    with pytest.raises(CellsegError, match=f"holds '{name}'"):
        make(out)
    assert contents(out) == before


def test_what_the_user_puts_in_while_we_work_stays(out):
    with pytest.raises(CellsegError, match="holds 'mine.txt'"), replacing_folder(out):
        (out / "mine.txt").write_text("mine")
    assert (out / "mine.txt").read_text() == "mine" and (out / "page.html").read_text() == "old"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def write_tables(folder, text):
    with replacing_files(folder, ("a.csv", "b.csv")) as beside:
        (beside / "a.csv").write_text(text)
        (beside / "b.csv").write_text(text)


def test_files_among_others_are_replaced_together_if_they_are_ours(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for text in ("one", "two"):
        write_tables(tmp_path, text)
        assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text() == text
    with pytest.raises(ZeroDivisionError), replacing_files(tmp_path, ("a.csv", "b.csv")) as beside:
        (beside / "a.csv").write_text(str(1 / 0))
    (tmp_path / "b.csv").write_text("my")
    with pytest.raises(CellsegError, match=r"b\.csv: would be replaced, but .* move it away"):
        write_tables(tmp_path, "three")
    assert contents(tmp_path).keys() == {"mine.txt", "a.csv", "b.csv", RECORD}
    assert [(tmp_path / name).read_text() for name in ("mine.txt", "a.csv", "b.csv")] == ["mine", "two", "my"]


def test_a_process_that_ends_between_record_and_files_leaves_them_ours(tmp_path):
    write_tables(tmp_path, "one")
    before = {name: (tmp_path / name).read_text() for name in ("a.csv", "b.csv")}
    write_tables(tmp_path, "two")
    (tmp_path / "b.csv").write_text(before["b.csv"])  # the record speaks of "two" already
    write_tables(tmp_path, "three")
    assert (tmp_path / "b.csv").read_text() == "three"


def other_process(text, folder):
    """One that runs `text` and then waits to be killed."""
    code = f"""if True:
        import sys, time
        from cellseg.files import replacing
        from cellseg.locks import only_writer
        from cellseg.results import replacing_folder
        with {text} as given:
            print("ready", flush=True)
            time.sleep(60)
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_that_write_at_once_are_both_in_the_record(tmp_path, monkeypatch):
    ready, write_record = threading.Barrier(2), module.write_record

    def slow(path, record):
        time.sleep(0.1)
        write_record(path, record)

    def write(name):
        with replacing_files(tmp_path, (name, "both")) as beside:
            for one in (name, "both"):
                (beside / one).write_text(name)
            ready.wait(timeout=30)

    monkeypatch.setattr(module, "write_record", slow)
    writers = [threading.Thread(target=write, args=(name,)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    check_result_files(tmp_path, ("a", "b", "both"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [RECORD, "a", "b", "both"]


def test_what_killed_processes_left_is_removed_and_nothing_of_living_ones(out):
    started = [other_process(text, out.parent) for text in ("replacing_folder('out')", "replacing('file.txt')")]
    assert len(list(out.parent.iterdir())) == 3
    started[0].kill()
    started[0].wait()
    remove_leftovers(out.parent)
    left = [path for path in out.parent.iterdir() if path != out]
    assert len(left) == 1 and contents(out)["page.html"] == "old"
    started[1].kill()
    started[1].wait()
    (out.parent / f".cellseg-{32 * 'a'}").mkdir()  # by one that was killed before it had a lock
    scratch.__wrapped__.__globals__["_remove_once"].cache_clear()
    make(out)
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_second_writer_is_told_of_the_first_and_a_dead_one_is_no_hindrance(tmp_path):
    process = other_process("only_writer('.')", tmp_path)
    told = rf"process {process.pid} \(since .*\) writes into it; wait"
    with pytest.raises(CellsegError, match=told), only_writer(tmp_path):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    with only_writer(tmp_path), pytest.raises(CellsegError, match=f"process {os.getpid()} "), only_writer(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_name_may_be_as_long_as_the_system_takes(tmp_path):
    name = "\N{GREEK SMALL LETTER ALPHA}" * 127 + "x"
    make(tmp_path / name)
    make(tmp_path / name)
    write_tables(tmp_path / name[::-1], "one")
    assert {path.name for path in Path(tmp_path).iterdir()} == {name, name[::-1]}
