#!/usr/bin/env bash
# make docker-VERB [NAME=VALUE ...]: a verb of the Makefile inside the image. The Makefile gives the verb in CELLSEG_VERB, the
# names of the variables in GIVEN, and the variables in the environment. runs/ and data/ of this folder are mounted, and
# REAL, wherever it is, to be read; what is made belongs to the caller. VARIANT=cpu or cuda chooses the image.
set -euo pipefail
cd "$(dirname "$0")/.."
. docker/container.sh

verb=$CELLSEG_VERB
[[ $verb =~ ^[a-z0-9][a-z0-9-]*$ ]] || stop "no verb is called '$verb'; make lists them"
arguments=()
for name in ${GIVEN:-}; do
    [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || stop "no variable is called '$name'"
    arguments+=("$name=${!name}")
done
image=
given=()
mkdir -p runs
mounts=("$PWD/runs:/workspace/runs")
if [ -d data ]; then mounts+=("$PWD/data:/workspace/data"); fi
for argument in "${arguments[@]}"; do
    case $argument in
        VARIANT=cpu | VARIANT=cuda) image=localhost/cellseg:${argument#*=} ;;
        REAL=) ;;
        REAL=real55 | REAL=fields) given+=("$argument") ;; # public data, fetched into runs/
        REAL=*)
            real=$(realpath -e "${argument#*=}" 2>/dev/null) || stop "${argument#*=}: no such folder; REAL is a folder of images"
            mounts+=("$real:/workspace/real:ro")
            given+=(REAL=real) ;;
        *) given+=("$argument") ;;
    esac
done
case $PWD${real:-} in *:*) stop "${real:-$PWD}: a container cannot mount a path with a ':'; rename the folder" ;; esac
find_container
for name in ${image:-localhost/cellseg:cuda localhost/cellseg:cpu}; do
    if has_image "$name"; then image=$name; break; fi
    [ -z "$image" ] || stop "there is no image $image yet: make image VARIANT=${image#*:}"
done
[ -n "$image" ] || stop "there is no image yet: make image, or make image VARIANT=cpu"

volumes=()
for mount in "${mounts[@]}"; do volumes+=(--volume "$mount"); done
terminal=()
if [ -t 0 ] && [ -t 1 ]; then terminal=(--tty); fi
gpus=()
if [ "${image#*:}" = cuda ] && nvidia-smi -L >/dev/null 2>&1; then
    case $container in
        docker) gpus=(--gpus all) ;;
        podman) gpus=(--device nvidia.com/gpu=all --security-opt label=disable) ;;
        buildah) echo "run: Buildah passes no GPU on; this runs on the processor" >&2 ;;
    esac
fi
variables=()
for name in CUDA_VISIBLE_DEVICES OPENBLAS_NUM_THREADS; do
    if [ -n "${!name+set}" ]; then variables+=(--env "$name=${!name}"); fi
done
inside "$image" "${terminal[@]}" "${gpus[@]}" "${variables[@]}" "${volumes[@]}" -- make "$verb" "${given[@]}"
