"""Checks that what the image is built from is in the archives: packages, Caffe's sources, Python packages, by version.

Prints what is missing and ends with exit code 1, or 2 if an archive cannot be asked. Needs apt, no root.
"""

import fnmatch
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
_MIRRORS = re.compile(r"^ARG (MIRROR|SECURITY_MIRROR|CAFFE_MIRROR)=(\S+)", re.MULTILINE)
_PACKAGE = re.compile(r"^ {8}([a-z0-9][a-z0-9.+-]*)(?:=(\S+))? \\$", re.MULTILINE)
_PIN = re.compile(r"^([A-Za-z0-9-]+)==(\S+) --hash=sha256:([0-9a-f]{64})$", re.MULTILINE)
_APT = """
Dir::State "{0}"; Dir::State::lists "{0}/lists"; Dir::State::status "{0}/status";
Dir::Cache "{0}"; Dir::Cache::archives "{0}/archives";
Dir::Etc::sourcelist "{0}/sources.list"; Dir::Etc::sourceparts "-"; Dir::Etc::preferencesparts "-";
#clear APT::Update::Pre-Invoke; #clear APT::Update::Post-Invoke; #clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
APT::Architecture "amd64"; APT::Architectures {{ "amd64"; }}; APT::Sandbox::User ""; APT::Update::Error-Mode "any";
Acquire::Languages "none"; Acquire::Retries "3"; Acquire::Check-Valid-Until "false"; Debug::NoLocking "1";
"""


class Unreachable(Exception):
    """An archive cannot be asked."""


def packages(dockerfile):
    """The packages that a Dockerfile installs, as a dict of patterns of versions."""
    return dict(_PACKAGE.findall(dockerfile))


def pins(lock):
    """The packages of a lock file, as a dict of (version, sha256)."""
    return {name: (version, digest) for name, version, digest in _PIN.findall(lock)}


def missing_packages(wanted, found):
    """What is wrong with the packages.

    Parameters
    ----------
    wanted : dict of str to str
        See `packages`.
    found : dict of str to set of str
        The versions in the archive.

    Returns
    -------
    list of str
    """
    problems = [f"{name}: the Dockerfile names no version" for name, pattern in wanted.items() if not pattern]
    for name, pattern in wanted.items():
        if pattern and not fnmatch.filter(found.get(name, ()), pattern):
            versions = ", ".join(sorted(found.get(name, ()))) or "nothing"
            problems.append(f"{name}={pattern} is not in the archive, which has {versions}")
    return problems


def ask_debian(names, mirrors):
    """The versions of packages in Debian 12, and of Caffe's sources in Debian 11 (as "caffe")."""
    with tempfile.TemporaryDirectory() as world:
        for folder in ("lists/partial", "archives/partial"):
            (Path(world) / folder).mkdir(parents=True)
        (Path(world) / "status").write_text("")
        (Path(world) / "apt.conf").write_text(_APT.format(world))
        (Path(world) / "sources.list").write_text(
            f"deb {mirrors['MIRROR']} bookworm main contrib non-free\n"
            f"deb {mirrors['MIRROR']} bookworm-updates main contrib non-free\n"
            f"deb {mirrors['SECURITY_MIRROR']} bookworm-security main contrib non-free\n"
            f"deb-src {mirrors['CAFFE_MIRROR']} bullseye main\n"
        )
        options = ["-c", f"{world}/apt.conf"]
        _run(["apt-get", *options, "-qq", "update"])
        found = {}
        for line in _run(["apt-cache", *options, "madison", *names]).splitlines():
            name, version, where = (part.strip() for part in line.split("|"))
            if where.endswith("Packages"):
                found.setdefault(name, set()).add(version)
        sources = _run(["apt-cache", *options, "showsrc", "caffe"])
        found["caffe"] = set(re.findall(r"^Version: (\S+)", sources, re.MULTILINE))
        found["caffe files"] = set(re.findall(r"^ ([0-9a-f]{64}) \d+ (\S+)$", sources, re.MULTILINE))
        return found


def ask_pip(wanted):
    """The packages that pip would take for Python 3.11 on amd64, as `pins` has them; their files are not fetched."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--dry-run"]
        command += ["--no-deps", "--ignore-installed", "--no-build-isolation", "--report", str(report)]
        _run(command + [f"{name}=={version}" for name, (version, _) in wanted.items()])
        items = json.loads(report.read_text())["install"]
    found = {}
    for item in items:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        digest = item["download_info"]["archive_info"].get("hashes", {}).get("sha256", "")
        found[name] = (item["metadata"]["version"], digest)
    return found


def _run(command):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Unreachable(f"{' '.join(command[:1])} failed: {words}")
    return done.stdout


def main():
    dockerfile = (HERE / "Dockerfile").read_text()
    wanted = packages(dockerfile)
    mirrors = dict(_MIRRORS.findall(dockerfile))
    mirrors.update({name: os.environ[name] for name in mirrors if os.environ.get(name)})
    python = pins((HERE / "requirements.lock").read_text() + (HERE / "nccl.lock").read_text())
    try:
        found, offered = ask_debian(list(wanted), mirrors), ask_pip(python)
    except Unreachable as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    problems = missing_packages(wanted, found)
    for line in (HERE / "caffe.lock").read_text().splitlines():
        digest, name = line.split()
        if not name.endswith(".dsc") and (digest, name) not in found["caffe files"]:
            problems.append(f"{name} with this checksum is not among the sources of Debian 11")
    for name, pin in python.items():
        if offered.get(name) != pin:
            problems.append(f"{name}: pip finds {offered.get(name)}, not {pin}")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if not problems:
        print(f"docker/: {len(wanted)} packages, Caffe's sources and {len(python)} Python packages are in the archives")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
