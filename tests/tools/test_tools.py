"""The command line's edges: help, the right Python, real Caffe's doors, the Makefile."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from support import ENGINE, IMAGE_PYTHON, ROOT, assert_refused, run_tool

from cellseg.evaluation.indicators import NAMES

TOOLS = sorted(path.stem for path in (ROOT / "tools").glob("*.py"))


@pytest.mark.parametrize("tool", TOOLS)
def test_help_of_every_tool(tool, tmp_path):
    done = run_tool(tool, "--help", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("usage:"), done.stderr


@pytest.mark.parametrize("tool", TOOLS)
def test_unknown_options_are_one_line(tool, tmp_path):
    assert_refused(run_tool(tool, "--colour-of-the-bikeshed", cwd=tmp_path), "--help lists the options")


def write_evaluation(path, **changes):
    record = {**dict.fromkeys(NAMES, 0.5), "threshold": 0.4, "best_threshold": 0.4, "images": 40, "data": "d"}
    otsu = {**dict.fromkeys(NAMES, 0.25), "precision": None}
    path.write_text(json.dumps({**record, "engine": "caffe", "baseline_otsu": otsu, **changes}))
    return path


def test_table_1_has_the_reports_rows_above_ours(tmp_path):
    before = write_evaluation(tmp_path / "before.json", mcc=0.111)
    after = write_evaluation(tmp_path / "after.json", mcc=0.777, note="a stand-in")
    honest = write_evaluation(tmp_path / "honest.json", mcc=0.766)
    done = run_tool("table", before, after, "--honest", honest, "--out", "out/table.md", cwd=tmp_path)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    last = [row.split("|")[-2].strip() for row in rows]
    assert last == ["MCC", "0.50", "0.74", "0.111", "0.777", "MCC", "0.766", "0.250"]
    assert "STAND-IN" in done.stdout
    assert (tmp_path / "out" / "table.md").read_text() == done.stdout


def test_table_of_something_else(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("[1, 2")
    assert_refused(run_tool("table", "a.json", "a.json", cwd=tmp_path), "a.json")
    assert_refused(run_tool("table", "b.json", "b.json", cwd=tmp_path), "b.json")
    assert_refused(run_tool("table", "none.json", "none.json", cwd=tmp_path), "none.json")


def test_a_python_without_the_libraries_goes_through_the_door(tmp_path):
    """A copy of the tools beside a door that only says how it was called."""
    for folder in ("cellseg", "tools"):
        shutil.copytree(str(ROOT / folder), str(tmp_path / folder))
    environment = {**os.environ, "PYTHONPATH": ""}
    bare = ["env", "-u", "PYTHONHOME", "python3", "-S", "tools/evaluate.py", "a b.caffemodel"]
    done = subprocess.run(bare, cwd=str(tmp_path), capture_output=True, text=True, env=environment)
    assert_refused(done, "lacks", "caffe or torch", "make caffe", "make venv")
    door = tmp_path / ".caffe" / "bin" / "python"
    door.parent.mkdir(parents=True)
    door.write_text('#!/bin/sh\necho "door: $2"\n')
    door.chmod(0o755)
    done = subprocess.run(bare, cwd=str(tmp_path), capture_output=True, text=True, env=environment)
    assert done.stdout == "door: a b.caffemodel\n", done.stderr
    other = tmp_path / ".venv" / "bin" / "python"
    other.parent.mkdir(parents=True)
    other.write_text('#!/bin/sh\necho "other door: $2 $3 $4"\n')
    other.chmod(0o755)
    done = subprocess.run(
        [*bare, "--engine", "torch"], cwd=str(tmp_path), capture_output=True, text=True, env=environment
    )
    assert done.stdout == "other door: a b.caffemodel --engine torch\n", done.stderr


@pytest.mark.caffe
def test_real_caffes_python_leaves_for_the_other_one(tmp_path):
    """The door of .caffe/ sets variables with which another Python would not start."""
    if not (ROOT / ".venv" / "bin" / "python").exists():
        pytest.skip("needs .venv/: make venv")
    done = run_tool("evaluate", "none.caffemodel", "--data", "none.txt", "--engine", "torch", cwd=tmp_path)
    assert_refused(done, "none.txt")


@pytest.mark.engine
def test_the_whole_report_from_a_clone_in_a_folder_with_a_space(tmp_path, real_folder):
    """`make reproduce` on five small real images, on the engine of this Python."""
    clone = tmp_path / "a clone"
    names = ("cellseg", "tools", "prototxt", "solvers")
    for name in names:
        shutil.copytree(str(ROOT / name), str(clone / name))
    shutil.copy(str(ROOT / "Makefile"), str(clone))
    shutil.copy2(str(ROOT / "requirements.lock"), str(clone))  # with its date: older than .venv/made
    for door in (".caffe", ".venv"):
        if (ROOT / door).exists():
            (clone / door).symlink_to(ROOT / door)
    real = tmp_path / "my images"
    real_folder.rename(real)
    command = ["make", "reproduce", f"REAL={real}", "EPOCHS=1", "BATCH=4", f"ENGINE={ENGINE}"]
    # As in a shell: not inside `make test`, and without what the door of .caffe/ sets.
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTHON"))}
    environment = {**outside, "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(command, cwd=str(clone), capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    rows = [line for line in (clone / "runs" / "table1.md").read_text().splitlines() if line.startswith("| ")]
    names = ("report, before", "report, after", "ours, before", "ours, after")
    assert [row[2:].startswith(name) for row, name in zip(rows[1:], names)] == [True] * 4
    before = json.loads((clone / "runs" / "pretrain" / "before" / "evaluation.json").read_text())
    after = json.loads((clone / "runs" / "finetune" / "evaluation.json").read_text())
    assert before["data"] == after["data"] == "runs/data/real/test.txt" and after["images"] == 2
    honest = json.loads((clone / "runs" / "finetune" / "honest" / "evaluation.json").read_text())
    assert honest["threshold_chosen_on"] == "chosen on runs/data/real/train.txt"
    assert "STAND-IN" not in done.stdout
    assert done.stdout.splitlines()[-1] == "runs/report/report.html"
    page = (clone / "runs" / "report" / "report.html").read_text()
    assert "Figure 11" in page and f"{after['mcc']:.3f}" in page


def test_fine_tuning_without_real_images_starts_with_the_stand_in():
    plan = subprocess.run(["make", "-n", "finetune", "REAL="], cwd=str(ROOT), capture_output=True, text=True).stdout
    first = next(line for line in plan.splitlines() if "tools/" in line and "make_caffe" not in line)
    assert "tools/make_data.py stand-in" in first  # whose own first line says STAND-IN


def test_make_alone_lists_the_verbs():
    done = subprocess.run(["make"], cwd=str(ROOT), capture_output=True, text=True)
    for verb in ("caffe", "prototxt", "data", "pretrain", "finetune", "reproduce", "test"):
        assert re.search(rf"^  {verb} +\w", done.stdout, re.MULTILINE), done.stdout


@pytest.fixture
def folder_with_a_space():
    """Beside the clone, on the same file system, so that .caffe/ can be linked instead of copied."""
    folder = Path(tempfile.mkdtemp(dir=str(ROOT), prefix=".caffe test "))
    yield folder
    shutil.rmtree(str(folder))


@pytest.mark.caffe
@pytest.mark.skipif(bool(IMAGE_PYTHON), reason="is of .caffe/, which the image has not")
def test_the_doors_work_from_any_folder_also_with_a_space(folder_with_a_space):
    moved = folder_with_a_space / ".caffe"
    subprocess.run(["cp", "-al", str(ROOT / ".caffe"), str(moved)], check=True)
    code = "import caffe, h5py, noise, scipy.linalg; print(caffe.__version__); print(open('/proc/self/maps').read())"
    done = subprocess.run([str(moved / "bin" / "python"), "-c", code], cwd="/", capture_output=True, text=True)
    assert done.stdout.startswith("1.0.0\n"), done.stderr
    libraries = set(re.findall(r" (/.*\.so.*)", done.stdout))
    assert libraries and all(path.startswith(str(moved)) for path in libraries)
    blas = {path for path in libraries if re.search(r"/lib(open)?blas", path)}
    assert blas and all("openblas" in path for path in blas), blas
    done = subprocess.run([str(moved / "bin" / "caffe"), "--version"], capture_output=True, text=True)
    assert "caffe version 1.0.0" in done.stdout + done.stderr


@pytest.mark.caffe
@pytest.mark.skipif(bool(IMAGE_PYTHON), reason="is of .caffe/, which the image has not")
def test_make_caffe_is_idempotent():
    stamp = (ROOT / ".caffe" / "bin" / "python").stat().st_mtime_ns
    done = subprocess.run(["make", "caffe"], cwd=str(ROOT), capture_output=True, text=True)
    assert done.returncode == 0 and "up to date" in done.stdout, done.stderr
    assert (ROOT / ".caffe" / "bin" / "python").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("uname", "echo Darwin-arm64", "amd64 Linux with apt"),
        ("apt-get", "exit 1", "no Debian mirror here"),
    ],
)
def test_where_make_caffe_cannot_work_it_says_so(tmp_path, name, text, words):
    (tmp_path / "tools").mkdir()
    shutil.copy(str(ROOT / "tools" / "make_caffe.sh"), str(tmp_path / "tools"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
    (tmp_path / "bin" / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "CAFFE_MIRROR": ""}
    command = ["bash", str(tmp_path / "tools" / "make_caffe.sh")]
    assert_refused(subprocess.run(command, capture_output=True, text=True, env=environment), words)
    assert not (tmp_path / ".caffe").exists()


def test_a_mirror_without_signatures_is_refused(tmp_path):
    (tmp_path / "tools").mkdir()
    shutil.copy(str(ROOT / "tools" / "make_caffe.sh"), str(tmp_path / "tools"))
    suite = tmp_path / "mirror" / "dists" / "bullseye"
    packages = suite / "main" / "binary-amd64" / "Packages"
    packages.parent.mkdir(parents=True)
    packages.write_text("")
    digest = hashlib.sha256(b"").hexdigest()
    release = f"Suite: bullseye\nCodename: bullseye\nSHA256:\n {digest} 0 main/binary-amd64/Packages\n"
    (suite / "Release").write_text(release)
    environment = {**os.environ, "CAFFE_MIRROR": f"file://{tmp_path / 'mirror'}"}
    command = ["bash", str(tmp_path / "tools" / "make_caffe.sh")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert_refused(done, "is not signed")


def test_an_unreachable_mirror_is_one_line(tmp_path):
    (tmp_path / "tools").mkdir()
    shutil.copy(str(ROOT / "tools" / "make_caffe.sh"), str(tmp_path / "tools"))
    environment = {**os.environ, "CAFFE_MIRROR": "http://127.0.0.1:9/debian"}
    command = ["bash", str(tmp_path / "tools" / "make_caffe.sh")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert_refused(done, "127.0.0.1", "CAFFE_MIRROR")
    assert not (tmp_path / ".caffe").exists() and not (tmp_path / ".caffe.new").exists()
