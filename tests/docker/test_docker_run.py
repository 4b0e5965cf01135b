"""The verbs that use the image, with stand-ins for Docker, Podman and Buildah that print what they are asked."""

import os
import shutil
import subprocess

import pytest
from support import ROOT

_DOCKER = """#!/bin/sh
case "$1 $2" in
    "info ") [ -z "$NO_DAEMON" ] ;;
    "image inspect") case " $IMAGES " in *" $3 "*) ;; *) exit 1 ;; esac ;;
    *) printf '%s|' "$(basename "$0")" "$@"; echo ;;
esac
"""
_BUILDAH = """#!/bin/sh
case "$1" in
    inspect) case " $IMAGES " in *" $4 "*) ;; *) exit 1 ;; esac ;;
    from) echo a-container ;;
    rm) ;;
    *) printf '%s|' buildah "$@"; echo; exit ${STATUS:-0} ;;
esac
"""
CPU, CUDA = "localhost/cellseg:cpu", "localhost/cellseg:cuda"


@pytest.fixture
def clone(tmp_path):
    folder = tmp_path / "a clone"
    shutil.copytree(str(ROOT / "docker"), str(folder / "docker"), ignore=shutil.ignore_patterns("vendor"))
    shutil.copy(str(ROOT / "Makefile"), str(folder))
    (folder / "cellseg").mkdir()
    shutil.copy(str(ROOT / "cellseg" / "__init__.py"), str(folder / "cellseg"))
    for name, text in (("docker", _DOCKER), ("podman", _DOCKER), ("buildah", _BUILDAH)):
        program = tmp_path / "programs" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    return folder


@pytest.fixture
def make(clone):
    def run(*arguments, **environment):
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "CONTAINER"))}
        outside.update(environment, PATH=f"{clone.parent / 'programs'}:{os.environ['PATH']}")
        return subprocess.run(["make", *arguments], cwd=str(clone), capture_output=True, text=True, env=outside)

    return run


def test_a_verb_runs_inside_as_the_caller_with_runs_and_the_images_mounted(make, clone):
    real = clone.parent / "my images"
    real.mkdir()
    (clone / "data").mkdir()
    done = make("docker-finetune", "REAL=../my images", "EPOCHS=2", "SEEDS=0 1", IMAGES=CUDA)
    assert done.returncode == 0, done.stderr
    words = done.stdout.strip().rstrip("|").split("|")
    assert words[:4] == ["docker", "run", "--rm", "--init"]
    assert words[words.index("--user") + 1] == f"{os.getuid()}:{os.getgid()}"
    mounts = [after for word, after in zip(words, words[1:]) if word == "--volume"]
    assert mounts == [f"{clone}/runs:/workspace/runs", f"{clone}/data:/workspace/data", f"{real}:/workspace/real:ro"]
    inside = words[words.index(CUDA) + 1 :]
    assert inside[:2] == ["make", "finetune"] and sorted(inside[2:]) == ["EPOCHS=2", "REAL=real", "SEEDS=0 1"]


@pytest.mark.parametrize(
    "container, image, asked",
    [("docker", CUDA, "|--gpus|all|"), ("podman", CUDA, "|--device|nvidia.com/gpu=all|"), ("docker", CPU, None)],
)
def test_where_the_host_has_gpus_the_cuda_image_gets_them(make, clone, container, image, asked):
    program = clone.parent / "programs" / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: a GPU'\n")
    program.chmod(0o755)
    done = make("docker-pretrain", IMAGES=image, CONTAINER=container, CUDA_VISIBLE_DEVICES="1")
    assert "|--env|CUDA_VISIBLE_DEVICES=1|" in done.stdout, done.stderr
    assert asked in done.stdout if asked else "gpu" not in done.stdout.replace(str(clone), "")


def test_docker_without_its_daemon_is_passed_over(make):
    assert make("docker-table", IMAGES=CPU, NO_DAEMON="yes").stdout.startswith("podman|run|")
    assert make("docker-table", IMAGES=CPU, CONTAINER="buildah").stdout.startswith("buildah|run|")


@pytest.mark.parametrize("container", ["docker", "buildah"])
@pytest.mark.parametrize(
    "images, given, taken", [(CUDA, [], CUDA), (f"{CPU} {CUDA}", ["VARIANT=cpu"], CPU), (CPU, [], CPU)]
)
def test_the_image_is_the_one_that_is_asked_for_or_there(make, container, images, given, taken):
    done = make("docker-pretrain", *given, IMAGES=images, CONTAINER=container)
    assert done.returncode == 0 and done.stdout.endswith("|make|pretrain|\n"), done.stderr
    assert container == "buildah" or f"|{taken}|" in done.stdout


@pytest.mark.parametrize(
    "arguments, environment, words",
    [
        (["docker-pretrain"], {}, "make image"),
        (["docker-pretrain", "VARIANT=cuda"], {"IMAGES": CPU}, "make image VARIANT=cuda"),
        (["docker-pretrain", "REAL=nowhere"], {"IMAGES": CPU}, "nowhere: no such folder"),
        (["docker-pretrain"], {"CONTAINER": "none"}, "none is here"),
        (["image", "VARIANT=gpu"], {}, "not 'gpu'"),
    ],
)
def test_mistakes_end_in_one_line(make, arguments, environment, words):
    done = make(*arguments, **environment)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
    assert len(lines) == 1 and words in lines[0], done.stderr


def test_a_failure_inside_is_a_failure_outside(make):
    assert make("docker-pretrain", IMAGES=CPU, CONTAINER="buildah", STATUS="3").returncode == 2


def test_building_passes_the_arguments_on(make):
    words = (
        make("image", "VARIANT=cpu", JOBS="3", CUDA_ARCH_BIN="70 75", CONTAINER="buildah")
        .stdout.splitlines()[0]
        .split("|")
    )
    given = [after for word, after in zip(words, words[1:]) if word == "--build-arg"]
    assert {"VARIANT=cpu", "JOBS=3", "CUDA_ARCH_BIN=70 75", "VERSION=0.1.0"} <= set(given)
    assert words[words.index("--tag") + 1] == CPU


@pytest.mark.parametrize("verb", ["pretrain", "finetune", "report", "table"])
def test_inside_the_verbs_use_the_images_python(verb):
    command = ["make", "-n", "--no-print-directory", verb, "CELLSEG_PYTHON=/opt/python/bin/python", "REAL="]
    plan = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    assert plan.startswith('"$PYTHON" -m cellseg ') and len(plan.splitlines()) == 1  # see test_the_image_has_one_python


def test_no_value_is_read_by_a_shell_or_by_make(make, clone):
    value = "$(shell touch x) `touch x` it's; touch x"
    done = make("docker-pretrain", f"NAME={value}", IMAGES=CPU)
    assert f"|NAME={value}|" in done.stdout, done.stderr
    assert not (clone / "x").exists()


@pytest.mark.parametrize("verb", ["x;touch x", "x'; touch x; '", "`touch x`", "$(touch x)", "$(shell touch x)", "-f"])
def test_no_verb_is_read_by_a_shell_or_by_make(make, clone, verb):
    done = make(f"docker-{verb}", IMAGES=CPU)
    assert done.returncode == 2 and not (clone / "x").exists() and "no verb is called" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("name", ["a[$$(touch x)]", "a[$$(shell touch x)]", "a[`touch x`]", "a;touch x"])
def test_no_name_of_a_variable_is_read_by_a_shell_or_by_make(make, clone, name):
    done = make("docker-pretrain", f"{name}=1", IMAGES=CPU)
    assert done.returncode == 2 and not (clone / "x").exists(), done.stdout


def test_a_path_that_no_container_mounts_is_refused(make, clone):
    (clone.parent / "a:b").mkdir()
    done = make("docker-finetune", "REAL=../a:b", IMAGES=CPU)
    assert done.returncode == 2 and "a:b: a container cannot mount" in done.stderr


@pytest.mark.parametrize(
    ("word", "inside", "mount"),
    [
        ("WEIGHTS=../my models/a.caffemodel", "WEIGHTS=weights/a.caffemodel", "my models:/workspace/weights:ro"),
        ("WEIGHTS=../my models", "WEIGHTS=weights", "my models:/workspace/weights:ro"),
        ("WEIGHTS=runs/pretrain", "WEIGHTS=runs/pretrain", None),
        ("WEIGHTS=nuclei", "WEIGHTS=nuclei", None),
        ("RUNS=runs/more", "RUNS=runs/more", None),
        ("RUNS=../elsewhere", "RUNS=results", "elsewhere:/workspace/results"),
    ],
)
def test_models_and_other_folders_are_mounted_where_they_lie(make, clone, word, inside, mount):
    (clone.parent / "my models").mkdir()
    (clone.parent / "my models/a.caffemodel").write_bytes(b"")
    (clone / "runs/pretrain").mkdir(parents=True)
    done = make("docker-finetune", word, IMAGES=CUDA)
    words = done.stdout.strip().rstrip("|").split("|")
    assert words[-1] == inside, done.stderr
    mounts = [after for before, after in zip(words, words[1:]) if before == "--volume"]
    assert mounts[1:] == ([f"{clone.parent}/{mount}"] if mount else [])


def test_weights_that_are_not_there_are_refused(make, clone):
    done = make("docker-finetune", "WEIGHTS=runs/none.caffemodel", IMAGES=CPU)
    assert done.returncode == 2 and "runs/none.caffemodel: no such file" in done.stderr
