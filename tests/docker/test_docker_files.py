"""What docker/ pins, and the checks of it."""

import importlib.util
import re
import subprocess
import sys
import tomllib

import pytest
from support import IMAGE_PYTHON, ROOT

DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()


@pytest.fixture
def checker():
    specification = importlib.util.spec_from_file_location("packages", str(DOCKER / "packages.py"))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_package_that_the_dockerfile_installs_is_seen_and_has_a_version(checker):
    found = checker.packages(DOCKERFILE)
    installed = re.findall(r"--no-install-recommends \\\n((?: {8}\S+ \\\n)+)", DOCKERFILE)
    assert len(installed) == 4
    assert len(found) == len(
        {line.split("=")[0] for block in installed for line in block.split(" \\\n") if line.strip()}
    )
    assert all(found.values())
    assert not checker.missing_packages(found, {name: {pattern.replace("*", "1")} for name, pattern in found.items()})


def test_a_package_that_is_gone_or_has_no_version_is_named(checker):
    wanted = {"there": "1.2-*", "moved": "1.2-*", "gone": "2.*", "any": ""}
    problems = checker.missing_packages(wanted, {"there": {"1.2-3", "1.1"}, "moved": {"1.3-1"}})
    assert problems == [
        "any: the Dockerfile names no version",
        "moved=1.2-* is not in the archive, which has 1.3-1",
        "gone=2.* is not in the archive, which has nothing",
    ]


def test_without_an_archive_the_check_fails(tmp_path):
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    (tmp_path / "apt-get").write_text("#!/bin/sh\necho 'E: Unable to locate' >&2\nexit 100\n")
    (tmp_path / "apt-get").chmod(0o755)
    command = [sys.executable, str(DOCKER / "packages.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 2 and "E: Unable to locate" in done.stderr


def test_the_images_python_packages_are_those_of_the_lock_file(checker):
    def versions(text):
        rows = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s]+)", text, re.MULTILINE)
        return {(name.lower().replace("_", "-"), version) for name, version in rows}

    image = (DOCKER / "requirements.lock").read_text()
    ours, outside = versions(image), versions((ROOT / "requirements.lock").read_text())
    assert set(checker.pins(image)) == {name for name, _ in ours}, "a package without its checksum"
    assert {name for name, _ in ours - outside} <= {"imagecodecs", "six"}


def test_the_image_has_all_that_the_package_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["report"]
    there = re.findall(r"^([\w.-]+)==", (DOCKER / "requirements.lock").read_text().lower(), re.MULTILINE)
    assert {re.match(r"[\w-]+", one)[0].lower() for one in needed} - set(there) == {"torch"}  # Caffe is its engine


@pytest.mark.skipif(bool(IMAGE_PYTHON), reason="bash scripts of the outside")
def test_the_base_image_is_pinned_by_digest():
    assert re.search(r"^ARG BASE=debian:bookworm-slim@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
