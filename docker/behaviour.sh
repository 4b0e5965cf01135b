#!/usr/bin/env bash
# docker/check.sh runs this with Docker and Podman: how a container of an image behaves. behaviour.sh IMAGE FOLDER, where
# FOLDER is empty and the working folder is the project's. Each line that it prints is something that was tried.
set -euo pipefail
. docker/container.sh
find_container
image=$1 folder=$(realpath "$2")
name=cellseg-check-$$
stranger=12345:12345
trap '"$container" rm --force "$name" >/dev/null 2>&1 || true' EXIT

fail() { echo "FAILED: $*"; "$container" logs "$name" 2>&1 | tail -n 20; exit 1; }
run() { # run OPTION ... IMAGE COMMAND ...: its output and exit code, in $said and $code
    code=0
    said=$("$container" run --rm --init "$@" 2>&1) || code=$?
}
begin() { # begin OPTION ... IMAGE COMMAND ...: in the background
    "$container" rm --force "$name" >/dev/null 2>&1 || true
    "$container" run --detach --init --name "$name" "$@" >/dev/null
}
status() { "$container" inspect --format "{{.State.$1}}" "$name"; }
until_there() { # until_there FILE: in the run that is going on
    for _ in $(seq 600); do
        if [ -s "$1" ]; then return; fi
        [ "$(status Running)" = true ] || fail "it ended before $1 was there"
        sleep 0.2
    done
    fail "$1 was not there after two minutes"
}

# --- a data set of small patches, and a training on it that takes minutes unless it is ended ------------------------------------
mkdir -p "$folder/runs"
chmod 777 "$folder/runs"
.venv/bin/python - "$folder" <<'EOF'
import os
import sys
from pathlib import Path
from benchmarks.gpu_check.trainings import write_patches
os.chdir(sys.argv[1])  # its list names files as seen from the working folder
Path("runs/data").mkdir()
write_patches(Path("runs/data"))
EOF
mount=(--volume "$folder/runs:/workspace/runs")
training=(python -m cellseg train pretrain --data runs/data --batch 5 --features 4 --out)
long=("${training[@]}" runs/long --epochs 100000)

# --- users ----------------------------------------------------------------------------------------------------------
for user in "$stranger" 0:0; do
    run --user "$user" "${mount[@]}" "$image" "${training[@]}" "runs/of-$user" --epochs 2
    [ "$code" = 0 ] || fail "a training of user $user ended with $code: $said"
    owner=$(stat --format %u:%g "$folder/runs/of-$user/pretrain.caffemodel")
    [ "$owner" = "$user" ] || fail "what user $user made belongs to $owner"
    echo "user $user: trains, and what is made belongs to it"
done
run "$image" id -u
[ "$code $said" = "0 1000" ] || fail "without --user it runs as '$said', not as 1000"
echo "without --user: user 1000, not root"

# --- rights ---------------------------------------------------------------------------------------------------------
run --user 0:0 --volume "$folder/runs:/workspace/runs:ro" "$image" "${training[@]}" runs/none --epochs 2
[ "$code" = 2 ] && [ "$(grep -c . <<<"$said")" = 1 ] || fail "a mount to be read only: exit code $code, $said"
echo "runs/ to be read only: exit code 2, '$said'"
run --read-only --tmpfs /tmp --user "$stranger" "${mount[@]}" "$image" "${training[@]}" runs/read-only --epochs 2
[ "$code" = 0 ] || fail "a container to be read only: exit code $code, $said"
echo "a container to be read only, with room in /tmp and runs/: trains"

# --- exit codes -----------------------------------------------------------------------------------------------------
run "$image" make nonsense
[ "$code" = 2 ] || fail "a verb that is none ended with $code"
run "$image" python -m cellseg evaluate none.caffemodel
[ "$code" = 2 ] && [[ $said == *none.caffemodel* ]] || fail "a model that is none ended with $code: $said"
run "$image"
[ "$code" = 0 ] && [[ $said == *make\ VERB* ]] || fail "no command ended with $code: $said"
echo "exit codes: 0 for the list of verbs, 2 for a user's mistake"

# --- signals --------------------------------------------------------------------------------------------------------
for number in TERM HUP INT; do
    rm -rf "$folder/runs/long"*
    begin --user "$stranger" "${mount[@]}" "$image" "${long[@]}"
    until_there "$folder/runs/long/history.csv"
    before=$SECONDS
    "$container" kill --signal "$number" "$name" >/dev/null
    code=$(timeout 60 "$container" wait "$name") || fail "it did not end in a minute after SIG$number"
    [ "$code" = 2 ] || fail "SIG$number: exit code $code"
    state=$("$container" logs "$name" 2>&1 | sed -n 's/.*cellseg train resume //p')
    [ -s "$folder/$state" ] || fail "SIG$number: no state to go on from"
    echo "SIG$number: exit code 2 after $((SECONDS - before)) s, with the command to go on"
done
begin --user "$stranger" "${mount[@]}" "$image" python -m cellseg train resume "$state"
sleep 5
[ "$(status Running)" = true ] || fail "the training did not go on"
"$container" stop --time 30 "$name" >/dev/null
[ "$(status ExitCode)" = 2 ] || fail "stop: exit code $(status ExitCode)"
echo "stop: exit code 2, after a training that went on from there"

# --- a kill ---------------------------------------------------------------------------------------------------------
rm -rf "$folder/runs/long"*
begin --user "$stranger" "${mount[@]}" "$image" "${long[@]}"
until_there "$folder/runs/long/history.csv"
"$container" kill "$name" >/dev/null
[ "$("$container" wait "$name")" = 137 ] || fail "a kill: exit code $(status ExitCode)"
run --user "$stranger" "${mount[@]}" "$image" "${training[@]}" runs/long --epochs 2
[ "$code" = 0 ] || fail "after a kill the same folder ends with $code: $said"
left=$(find "$folder/runs" -name '.*' -not -path "$folder/runs")
[ -z "$left" ] || fail "left over: $left"
echo "killed: exit code 137; the next training into the same folder ends as any other, and nothing is left over"

# --- health ---------------------------------------------------------------------------------------------------------
begin --health-interval 2s --user "$stranger" "$image" sleep 600
for _ in $(seq 60); do
    if [ "$container" = podman ]; then podman healthcheck run "$name" >/dev/null 2>&1 || true; fi
    health=$(status Health.Status)
    if [ "$health" != starting ]; then break; fi
    sleep 2
done
[ "$health" = healthy ] || fail "its health is '$health'"
echo "health: $health"
