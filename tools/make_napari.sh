#!/usr/bin/env bash
# Puts into .venv/ what the tests of the plugin for napari need (requirements-napari.lock). What Debian lacks for windows on a screen
# that nobody sees is installed first if we are root, else named: without it, Qt could not even be imported.
set -euo pipefail
cd "$(dirname "$0")/.."

stop() { echo "make: $*" >&2; exit 2; }

packages=(xvfb libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0
    libxcb-shape0 libdbus-1-3 libfontconfig1)
if command -v dpkg-query >/dev/null; then
    needed=()
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || needed+=("$package")
    done
    if [ ${#needed[@]} -gt 0 ]; then
        [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || stop "install these first: apt-get install ${needed[*]}"
        echo "installing ${needed[*]}"
        { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${needed[@]}"; } \
            >/dev/null || stop "apt-get could not install ${needed[*]}"
    fi
fi
.venv/bin/python -m pip -q --disable-pip-version-check install --no-compile --no-deps --require-hashes -r requirements-napari.lock
touch .venv/napari
