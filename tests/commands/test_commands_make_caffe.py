"""`make caffe`: what it makes, and how it says that it cannot."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from support import IMAGE_PYTHON, ROOT, assert_refused

pytestmark = pytest.mark.apt


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
    code = "import caffe, h5py, scipy.linalg; print(caffe.__version__); print(open('/proc/self/maps').read())"
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
