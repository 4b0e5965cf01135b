#!/usr/bin/env bash
# Makes .venv/ with the pinned current libraries (requirements.lock), for the tests outside of .caffe/ and for ruff.
# What Debian lacks for that (venv, a compiler for the package noise) is installed if we are root, else named.
set -euo pipefail
cd "$(dirname "$0")/.."

stop() { echo "make: $*" >&2; exit 2; }

needed=()
python3 -c 'import ensurepip, venv' 2>/dev/null || needed+=(python3 python3-venv)
command -v gcc >/dev/null || needed+=(gcc libc6-dev)
python3 -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null || needed+=(python3-dev)
if [ ${#needed[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || stop "install these first: apt-get install ${needed[*]}"
    echo "installing ${needed[*]}"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${needed[@]}"; } \
        >/dev/null || stop "apt-get could not install ${needed[*]}"
fi
echo "making .venv/"
rm -rf .venv
python3 -m venv .venv
.venv/bin/python -m pip -q --disable-pip-version-check install -r requirements.lock
touch .venv/made
