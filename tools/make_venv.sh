#!/usr/bin/env bash
# Makes .venv/: the pinned libraries (requirements.lock), PyTorch, and cellseg itself from this folder, so that .venv/bin/cellseg is
# there. What Debian lacks for that (venv, a compiler for the package noise) is installed if we are root, else named.
set -euo pipefail
cd "$(dirname "$0")/.."

stop() { echo "make: $*" >&2; exit 2; }

python=
for name in python3 python3.13 python3.12 python3.11; do # the system's own, if it is new enough
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$name && break; fi
done
needed=()
if [ -z "$python" ]; then
    ! command -v python3 >/dev/null || stop "needs Python 3.11 or newer; this is $(python3 -V 2>&1), and there is no python3.11, 3.12 or 3.13"
    python=python3 needed+=(python3 python3-venv python3-dev)
else
    "$python" -c 'import ensurepip, venv' 2>/dev/null || needed+=(python3 python3-venv)
    "$python" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null || needed+=(python3-dev)
fi
command -v gcc >/dev/null || needed+=(gcc libc6-dev)
if [ ${#needed[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || stop "install these first: apt-get install ${needed[*]}"
    echo "installing ${needed[*]}"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${needed[@]}"; } \
        >/dev/null || stop "apt-get could not install ${needed[*]}"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || stop "needs Python 3.11 or newer; this is $("$python" -V)"
fi
echo "making .venv/"
rm -rf .venv
"$python" -m venv .venv
# Python compiles what it uses when that is first imported. Compiling all of it here would only take time.
pip() { .venv/bin/python -m pip -q --disable-pip-version-check install --no-compile "$@"; }
pip --require-hashes -r requirements.lock
torch=$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements-torch.lock)
if [ -z "${ANY_TORCH:-}" ]; then
    pip --no-deps --require-hashes -r requirements-torch.lock || stop "$torch: not one of the files of requirements-torch.lock; ANY_TORCH=1 takes any"
fi
pip "$torch" # with the libraries that this build needs
pip --no-deps --no-build-isolation --editable .
touch .venv/made
