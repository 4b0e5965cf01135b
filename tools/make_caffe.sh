#!/usr/bin/env bash
# Puts real Caffe 1.0 with pycaffe into .caffe/ beside the Makefile: Debian 11's prebuilt packages, fetched and
# verified by apt in a private world and unpacked without root. Its doors: .caffe/bin/python and .caffe/bin/caffe.
# Only what holds a net runs there (cellseg/engine/process.py).
# CAFFE_MIRROR names a Debian mirror that still has bullseye; by default it is the machine's own.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-$root/.caffe} # another folder, to try this script
suite=bullseye
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
packages=(caffe python3-caffe libopenblas0-pthread python3-tqdm) # and what they depend on, h5py, protobuf and numpy among it

stop() { echo "make caffe: $*" >&2; exit 2; }

# --- what it needs -------------------------------------------------------------------------------------------
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] && command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    stop "needs amd64 Linux with apt (Debian or Ubuntu); elsewhere use a Debian 12 container image"
case $root in *[:\;]*) stop "the path '$root' holds a ':' or ';', which the loader cannot take; move the clone" ;; esac
[ -r "$keyring" ] || stop "needs Debian's archive keys; install them: apt-get install debian-archive-keyring"
if [ "$(cat "$target/packages.asked" 2>/dev/null)" = "$suite ${packages[*]}" ] && "$target/bin/python" -c ''; then
    echo ".caffe/ is up to date ($("$target/bin/caffe" --version 2>&1 | head -n 1))"
    exit 0
fi
mirror=${CAFFE_MIRROR:-$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' 'Created-By: Packages' 2>/dev/null |
    awk '($2 == "Debian" || $2 == "") && !/security/ {print $1; exit}' || true)}  # no origin before the first update
[ -n "$mirror" ] || stop "apt knows no Debian mirror here; name one that has $suite: make caffe CAFFE_MIRROR=http://.../debian"

# --- apt in a world of its own: no root, no lock, nothing of the machine's package state is read or written ---
world=$(mktemp -d)
new=$target.new
trap 'rm -rf "$world" "$new"' EXIT
trap 'exit 2' INT TERM
mkdir -p "$world/lists/partial" "$world/archives/partial"
touch "$world/status"
echo "deb [arch=amd64 signed-by=$keyring] $mirror $suite main" >"$world/sources.list"
cat >"$world/apt.conf" <<EOF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
Dir::State "$world";
Dir::State::lists "$world/lists";
Dir::State::status "$world/status";
Dir::Cache "$world";
Dir::Cache::archives "$world/archives";
Dir::Etc::sourcelist "$world/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferencesparts "-";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "";
APT::Install-Recommends "0";
APT::Default-Release "";
APT::Get::AllowUnauthenticated "0";
APT::Update::Error-Mode "any";
Acquire::AllowInsecureRepositories "0";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "1";
EOF
apt() {
    apt-get -c "$world/apt.conf" -qq "$@" >"$world/log" 2>&1 ||
        stop "apt could not $1 from $mirror ($(grep -m 1 '^E:' "$world/log" || tail -n 1 "$world/log")); another mirror: CAFFE_MIRROR=..."
}
echo "fetching Debian 11's caffe and what it needs from $mirror"
apt update
apt install --download-only "${packages[@]}"

# --- unpack beside, add the doors, rename ---------------------------------------------------------------------
echo "unpacking $(ls "$world"/archives/*.deb | wc -l) packages into .caffe/"
rm -rf "$new"
mkdir -p "$new/bin"
for deb in "$world"/archives/*.deb; do
    dpkg-deb -x "$deb" "$new" || stop "cannot unpack $(basename "$deb") into $new; is the disk full?"
    dpkg-deb -W --showformat='${Package} ${Version}\n' "$deb" >>"$new/packages.txt"
done
rm -rf "$new"/usr/share/{doc,man,locale,icons,perl}

door() { # door NAME PROGRAM: start PROGRAM through the unpacked loader and libraries, OpenBLAS before the reference BLAS
    cat >"$new/bin/$1" <<EOF
#!/bin/sh
# Made by tools/make_caffe.sh; finds its own folder, so .caffe/ can be moved.
caffe=\$(cd "\$(dirname "\$(readlink -f "\$0")")/.." && pwd)
multiarch=\$caffe/usr/lib/x86_64-linux-gnu
export PYTHONHOME="\$caffe/usr" PYTHONNOUSERSITE=1 PYTHONPATH="\$caffe/usr/lib/python3/dist-packages\${PYTHONPATH:+:\$PYTHONPATH}"
# This OpenBLAS of 2021 takes its slowest kernels on processors that it does not know: choose by instruction set.
if [ -z "\${OPENBLAS_CORETYPE:-}" ]; then
    if grep -q -m 1 '^flags.* avx512f .*avx512dq .*avx512bw .*avx512vl' /proc/cpuinfo; then export OPENBLAS_CORETYPE=SkylakeX
    elif grep -q -m 1 '^flags.* fma .*avx2' /proc/cpuinfo; then export OPENBLAS_CORETYPE=Haswell; fi
fi
exec "\$caffe/lib/x86_64-linux-gnu/ld-2.31.so" --library-path \\
    "\$multiarch/openblas-pthread:\$multiarch/blas:\$multiarch/lapack:\$multiarch:\$caffe/lib/x86_64-linux-gnu:\$caffe/usr/lib:\$multiarch/hdf5/serial" \\
    "\$caffe/usr/bin/$2" "\$@"
EOF
    chmod +x "$new/bin/$1"
}
door python python3.9
door caffe caffe
"$new/bin/python" -c 'import caffe, h5py, google.protobuf, tqdm' 2>"$world/log" ||
    stop "the unpacked pycaffe does not start here: $(tail -n 1 "$world/log")"
echo "$suite ${packages[*]}" >"$new/packages.asked"
rm -rf "$target"
mv "$new" "$target"
echo "ready: $("$target/bin/caffe" --version 2>&1 | head -n 1); doors: .caffe/bin/python, .caffe/bin/caffe"
