# A build step of the Dockerfile: the Python packages of requirements.lock into /opt/python, without pip itself.
# Packages that lie in /vendor/wheels are taken from there, and nothing else is asked for.
set -euo pipefail
offline=()
if ls /vendor/wheels/* >/dev/null 2>&1; then offline=(--no-index --find-links /vendor/wheels); fi
python3 -m venv --without-pip /opt/python
PYTHONPATH=/usr/lib/python3/dist-packages /opt/python/bin/python -m pip install --no-cache-dir --no-deps \
    --ignore-installed --no-build-isolation --require-hashes "${offline[@]}" -r /docker/requirements.lock
