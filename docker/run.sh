#!/usr/bin/env bash
# make docker-VERB [NAME=VALUE ...]: a verb of the Makefile inside the image. The Makefile gives the verb in CELLSEG_VERB, the
# names of the variables in GIVEN, and the variables in the environment. runs/ and data/ of this folder are mounted, and
# REAL and WEIGHTS, wherever they are, to be read, and RUNS; what is made belongs to the caller. VARIANT=cpu or cuda
# chooses the image.
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
place() { # place NAME FOLDER [:ro]: where it is inside, in $seen; it is mounted unless it lies in what is mounted
    case $2/ in
        "$(realpath runs)"/* | "$(realpath -m data)"/*) seen=${2#"$(pwd -P)/"} ;;
        *)
            mounts+=("$2:/workspace/$1${3:-}")
            seen=$1 ;;
    esac
    case $2 in *:*) stop "$2: a container cannot mount a path with a ':'; rename the folder" ;; esac
}
for argument in "${arguments[@]}"; do
    value=${argument#*=}
    case $argument in
        VARIANT=cpu | VARIANT=cuda) image=localhost/cellseg:$value ;;
        REAL= | WEIGHTS= | RUNS=) ;;
        REAL=real55 | REAL=fields) given+=("$argument") ;; # public data, fetched into runs/
        REAL=*)
            real=$(realpath -e "$value" 2>/dev/null) || stop "$value: no such folder; REAL is a folder of images"
            place real "$real" :ro
            given+=("REAL=$seen") ;;
        WEIGHTS=*)
            if [ ! -e "$value" ]; then
                case $value in */* | *.caffemodel*) stop "$value: no such file; WEIGHTS is a model or a run folder" ;; esac
                given+=("$argument") # the name of a model that ships
                continue
            fi
            weights=$(realpath "$value") file=
            if [ -f "$weights" ]; then file=/$(basename "$weights") weights=$(dirname "$weights"); fi
            place weights "$weights" :ro # with what lies beside a file: its net, its settings
            given+=("WEIGHTS=$seen$file") ;;
        RUNS=*)
            mkdir -p "$value" || stop "$value: cannot be made; RUNS is a folder for results"
            place results "$(realpath "$value")"
            given+=("RUNS=$seen") ;;
        *) given+=("$argument") ;;
    esac
done
case $PWD in *:*) stop "$PWD: a container cannot mount a path with a ':'; rename the folder" ;; esac
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
