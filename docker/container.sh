# Sourced by the scripts beside it: which of Docker, Podman and Buildah is there (CONTAINER= chooses), and the image's name.

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
