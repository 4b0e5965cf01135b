#!/usr/bin/env bash
# make image [VARIANT=cpu]: builds localhost/cellseg:cuda, or :cpu. From the environment: JOBS, BASE, MIRROR, SECURITY_MIRROR,
# CAFFE_MIRROR, CUDA_ARCH_BIN, CUDA_ARCH_PTX, NCCL=ON (the Dockerfile's arguments), CONTAINER (docker, podman, buildah), NETWORK
# (host, say, where the engine has no network of its own).
set -euo pipefail
cd "$(dirname "$0")/.."
. docker/container.sh

variant=${1:-cuda}
case $variant in cpu | cuda) ;; *) stop "VARIANT is cuda or cpu, not '$variant'" ;; esac
find_container
options=(--file docker/Dockerfile --tag "localhost/cellseg:$variant" --build-arg "VARIANT=$variant"
         --build-arg "JOBS=${JOBS:-$(nproc)}" --build-arg "VERSION=$(sed -nE 's/^__version__ = "(.*)"/\1/p' cellseg/__init__.py)"
         --build-arg "REVISION=$(git describe --always --dirty --abbrev=40 2>/dev/null || echo unknown)")
for name in BASE MIRROR SECURITY_MIRROR CAFFE_MIRROR CUDA_ARCH_BIN CUDA_ARCH_PTX NCCL; do
    if [ -n "${!name:-}" ]; then options+=(--build-arg "$name=${!name}"); fi
done
if [ -n "${NETWORK:-}" ]; then options+=(--network "$NETWORK"); fi
case $container in
    docker) DOCKER_BUILDKIT=1 docker build "${options[@]}" . ;; # the older builder would make the other variant's stages, too
    *) "$container" build --format docker --layers "${options[@]}" . ;; # the other format has no health check
esac
echo "built localhost/cellseg:$variant with $container"
