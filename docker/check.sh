#!/usr/bin/env bash
# make image-check: builds both images as they are built elsewhere, and tests what is in them: about an hour on 2 cores. Needs
# Docker, Podman or Buildah, and .venv/. Where the base image cannot be pulled, it is made with debootstrap (as root).
# VARIANT=cpu or cuda checks that one alone; CUDA_ARCH_BIN=75 CUDA_ARCH_PTX=75 makes the second one's compilation shorter.
# Everything that is said goes into runs/image-check/log.
set -euo pipefail
cd "$(dirname "$0")/.."
. docker/container.sh
case ${VARIANT:-} in '' | cpu | cuda) ;; *) stop "VARIANT is cpu, cuda or empty for both, not '$VARIANT'" ;; esac
find_container

folder=$PWD/runs/image-check
rm -rf "$folder"
mkdir -p "$folder"
started=$SECONDS
say() { echo "[$(date +%H:%M:%S)] $*" | tee -a "$folder/log"; }
step() { # step WHAT COMMAND ...: run it into the log, say how long it took; in it, nothing stops a function but || return
    local what=$1 before=$SECONDS
    shift
    say "$what ..."
    if "$@" >"$folder/step" 2>&1; then
        cat "$folder/step" >>"$folder/log"
        say "$what: $((SECONDS - before)) s"
    else
        cat "$folder/step" >>"$folder/log"
        tail -n 25 "$folder/step" >&2
        say "FAILED: $what; all of it is in runs/image-check/log"
        exit 1
    fi
}
last() { say "    $(grep -vE '^\s*$' "$folder/step" | tail -n "${1:-1}")"; }

# --- the base image ---------------------------------------------------------------------------------------------
bootstrap() {
    local root working
    root=$(mktemp -d)
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "${MIRROR:-http://deb.debian.org/debian}" || return
    find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$root/usr/local/share/ca-certificates/" \;
    chroot "$root" update-ca-certificates || return
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    case $container in
        buildah)
            working=$(buildah from scratch) && buildah add -q "$working" "$root" / &&
                buildah commit -q --rm "$working" "$1" || return ;;
        *) tar -C "$root" -c . | "$container" import - "$1" || return ;;
    esac
    rm -rf "$root"
}
export BASE=${BASE:-$(sed -n 's/^ARG BASE=//p' docker/Dockerfile)}
if ! has_image "$BASE" && ! timeout 120 "$container" pull "$BASE" >/dev/null 2>&1; then
    command -v debootstrap >/dev/null && [ "$(id -u)" = 0 ] ||
        stop "cannot pull $BASE; to make it here, as root: apt-get install debootstrap"
    BASE=localhost/debian:bookworm-slim
    has_image "$BASE" || step "the base image, made with debootstrap, since none can be pulled" bootstrap "$BASE"
fi
say "$container, base image $BASE, $(nproc) cores"

# --- what the tests need beside the image's own packages ----------------------------------------------------------
packages() { # packages FOLDER NAME ...: of requirements.lock
    local target=$1 wanted
    shift
    mapfile -t wanted < <(sed -nE "s/^(($(IFS='|'; echo "$*"))==[^ ]+).*/\1/Ip" requirements.lock requirements-torch.lock)
    .venv/bin/python -m pip -q --disable-pip-version-check install --no-deps --target "$target" "${wanted[@]}"
}
size() {
    case $container in
        buildah) buildah images --format '{{.Size}}' "$1" ;;
        *) "$container" image ls --format '{{.Size}}' "$1" ;;
    esac
}
build() {
    step "building the $1 image" bash docker/build.sh "$1"
    say "    size of localhost/cellseg:$1: $(size "localhost/cellseg:$1")"
    inside "localhost/cellseg:$1" -- find / -xdev -name 'libcuda.so*' >"$folder/step" 2>/dev/null || true
    if [ -s "$folder/step" ]; then
        say "FAILED: the driver's library, which comes from the host, is in the image: $(cat "$folder/step")"
        exit 1
    fi
    say "    no libcuda in it"
    step "its health check" inside "localhost/cellseg:$1" -- python /opt/cellseg/docker/healthcheck.py
    last
}
tests() { # tests PACKAGES OPTION ...
    local paths=$1
    shift
    inside localhost/cellseg:cpu --volume "$PWD/tests:/opt/cellseg/tests:ro" --volume "$folder/packages:/packages:ro" \
        --env "PYTHONPATH=$paths" --env PYTHONDONTWRITEBYTECODE=1 -- \
        python -m pytest -q -p no:cacheprovider --rootdir /opt/cellseg -c /opt/cellseg/pyproject.toml "$@"
}
pretrain() {
    CONTAINER=$container make docker-pretrain VARIANT=cpu EPOCHS=2 RUNS=runs/image-check/runs || return
    .venv/bin/python - "$folder/runs/pretrain/run.json" <<'EOF'
import json, os, sys
record = json.load(open(sys.argv[1]))
print("engine:", record["engine"])
assert record["engine"]["name"] == "caffe", record["engine"]
assert os.stat(sys.argv[1]).st_uid == os.getuid(), "runs/ does not belong to the caller"
EOF
}

if [ "${VARIANT:-cpu}" = cpu ]; then
    build cpu
    if [ "$container" != buildah ]; then
        mkdir "$folder/behaviour"
        step "how a container behaves" env CONTAINER="$container" bash docker/behaviour.sh localhost/cellseg:cpu "$folder/behaviour"
        last 20
    fi
    step "packages for the tests" packages "$folder/packages/test" pytest pluggy iniconfig pygments hypothesis sortedcontainers
    step "packages for the parity tests" packages "$folder/packages/torch" torch filelock fsspec mpmath sympy typing-extensions
    step "tests marked caffe, inside" tests /packages/test -m caffe /opt/cellseg/tests
    last
    step "parity of the embedded engine with this Caffe, inside" tests /packages/test:/packages/torch -m "caffe or parity" \
        /opt/cellseg/tests/parity /opt/cellseg/tests/training
    last
    step "make docker-pretrain EPOCHS=2" pretrain
    last 2
fi
if [ "${VARIANT:-cuda}" = cuda ]; then
    build cuda
    step "import" inside localhost/cellseg:cuda -- python -c 'import caffe; print(caffe.__version__, caffe.has_nccl())'
    step "compiled for" inside localhost/cellseg:cuda -- cat /opt/caffe/architectures.txt
    last 20
    if ! grep -q 'ELF sm_' "$folder/step" || ! grep -q 'PTX sm_' "$folder/step"; then
        say "FAILED: there is no code for any GPU, or no PTX"
        exit 1
    fi
fi
rm -f "$folder/step"
say "passed in $(((SECONDS - started) / 60)) minutes; log in runs/image-check/log"
