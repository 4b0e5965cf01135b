#!/usr/bin/env bash
# make image-vendor: Caffe's sources and the image's Python packages into docker/vendor/, from where a build then takes them.
# CAFFE_MIRROR names a Debian mirror that still has Debian 11's sources.
set -euo pipefail
cd "$(dirname "$0")"

mirror=${CAFFE_MIRROR:-$(sed -n 's/^ARG CAFFE_MIRROR=//p' Dockerfile)}
mkdir -p vendor/caffe vendor/wheels
while read -r digest name; do
    if echo "$digest  vendor/caffe/$name" | sha256sum --quiet -c 2>/dev/null; then continue; fi
    ../.venv/bin/python -c 'import sys, urllib.request; urllib.request.urlretrieve(sys.argv[1], sys.argv[2])' \
        "$mirror/pool/main/c/caffe/$name" "vendor/caffe/$name.part"
    echo "$digest  vendor/caffe/$name.part" | sha256sum -c
    mv "vendor/caffe/$name.part" "vendor/caffe/$name"
done <caffe.lock
locks=(-r requirements.lock)
if [ "${NCCL:-}" = ON ]; then locks+=(-r nccl.lock); fi
../.venv/bin/python -m pip -q --disable-pip-version-check download --no-deps --no-build-isolation --require-hashes \
    --find-links vendor/wheels --dest vendor/wheels "${locks[@]}"
echo "docker/vendor/ has Caffe's sources and $(find vendor/wheels -type f | wc -l) Python packages"
