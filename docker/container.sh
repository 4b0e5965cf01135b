# Sourced by the scripts beside it: which of Docker, Podman and Buildah is there (CONTAINER= chooses), and how to use it.

stop() { echo "$(basename "$0" .sh): $*" >&2; exit 2; }

find_container() {
    local name
    for name in ${CONTAINER:-docker podman buildah}; do
        command -v "$name" >/dev/null || continue
        if [ "$name" != docker ] || docker info >/dev/null 2>&1; then container=$name; break; fi
    done
    [ -n "${container:-}" ] || stop "${CONTAINER:-neither Docker (running), nor Podman, nor Buildah} is here; apt-get install podman, say"
    # Buildah as root needs no program that runs containers.
    if [ "$container" = buildah ] && ! command -v crun runc >/dev/null; then export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}; fi
}

has_image() { # has_image NAME
    case $container in
        buildah) buildah inspect --type image "$1" >/dev/null 2>&1 ;;
        *) "$container" image inspect "$1" >/dev/null 2>&1 ;;
    esac
}

inside() { # inside IMAGE [OPTION ...] -- COMMAND ...: run as the caller; options are --env, --volume and --tty
    local image=$1 options=(--user "$(id -u):$(id -g)") working status=0
    shift
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    if [ -n "${NETWORK:-}" ]; then options+=(--network "$NETWORK"); fi
    case $container in
        docker) docker run --rm --init --interactive "${options[@]}" "$image" "$@" ;;
        podman)
            if [ "$(id -u)" != 0 ]; then options+=(--userns keep-id); fi # root has no users to keep
            podman run --rm --init --interactive "${options[@]}" "$image" "$@" ;;
        buildah)
            working=$(buildah from --pull=never "$image")
            # shellcheck disable=SC2064 # this container, whatever comes
            trap "buildah rm $working >/dev/null" EXIT
            buildah run "${options[@]}" "$working" -- "$@" || status=$?
            buildah rm "$working" >/dev/null
            trap - EXIT
            return $status ;;
    esac
}
