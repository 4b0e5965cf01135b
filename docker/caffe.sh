# A build step of the Dockerfile: real Caffe from Debian 11's source package into /opt/caffe. Its files are taken from
# /vendor/caffe if they lie there, else fetched; their checksums are in caffe.lock.
set -euo pipefail

# --- the sources, and the one change that Debian 12's protobuf asks for -------------------------------------------
mkdir -p /build/sources
cd /build/sources
if ls /vendor/caffe/*.dsc >/dev/null 2>&1; then
    cp /vendor/caffe/* .
else
    echo "deb-src $CAFFE_MIRROR bullseye main" >/etc/apt/sources.list.d/bullseye-sources.list
    apt-get -o Acquire::Check-Valid-Until=false update
    apt-get source --download-only caffe=1.0.0+git20180821.99bd997-8
fi
sha256sum -c /docker/caffe.lock
dpkg-source --no-check -x caffe_*.dsc /build/caffe
sed -i 's/SetTotalBytesLimit(kProtoReadBytesLimit, [0-9]*)/SetTotalBytesLimit(kProtoReadBytesLimit)/' /build/caffe/src/caffe/util/io.cpp
grep -q 'SetTotalBytesLimit(kProtoReadBytesLimit);' /build/caffe/src/caffe/util/io.cpp
# numpy 2 has no tostring, and no fromstring for bytes.
sed -i 's/\.tostring()/.tobytes()/; s/np\.fromstring(datum\.data,/np.frombuffer(bytearray(datum.data),/' /build/caffe/python/caffe/io.py
grep -q 'frombuffer(bytearray(datum.data),' /build/caffe/python/caffe/io.py

# --- compile -------------------------------------------------------------------------------------------------------
options=(-DCPU_ONLY=ON)
if [ "$VARIANT" = cuda ]; then
    options=(-DCPU_ONLY=OFF -DUSE_CUDNN=OFF -DCUDA_USE_STATIC_CUDA_RUNTIME=OFF -DCUDA_ARCH_NAME=Manual
             "-DCUDA_ARCH_BIN=$CUDA_ARCH_BIN" "-DCUDA_ARCH_PTX=$CUDA_ARCH_PTX")
fi
mkdir -p /opt/caffe/lib
if [ "$NCCL" = ON ]; then
    offline=()
    if ls /vendor/wheels/nvidia_nccl* >/dev/null 2>&1; then offline=(--no-index --find-links /vendor/wheels); fi
    python3 -m pip install --no-cache-dir --no-deps --require-hashes "${offline[@]}" --target /build/nccl -r /docker/nccl.lock
    cp /build/nccl/nvidia/nccl/lib/libnccl.so.2 /opt/caffe/lib
    ln -s libnccl.so.2 /opt/caffe/lib/libnccl.so
    options+=(-DUSE_NCCL=ON -DNCCL_INCLUDE_DIR=/build/nccl/nvidia/nccl/include -DNCCL_LIBRARY=/opt/caffe/lib/libnccl.so)
fi
cmake -S /build/caffe -B /build/made -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/opt/caffe \
    -DBLAS=Open -Dpython_version=3 -DPYTHON_EXECUTABLE=/opt/python/bin/python -DUSE_OPENCV=OFF -DUSE_LEVELDB=OFF \
    -DUSE_LMDB=OFF -DBUILD_docs=OFF "${options[@]}"
cmake --build /build/made -j "$JOBS"
cmake --install /build/made --strip

# --- keep what runs ------------------------------------------------------------------------------------------------
find /opt/caffe/bin -type f ! -name caffe -delete
rm -rf /opt/caffe/include /opt/caffe/lib/libnccl.so /opt/caffe/lib/*.a /opt/caffe/share /opt/caffe/python
echo /opt/caffe/lib/python3/dist-packages >/opt/python/lib/python3.11/site-packages/caffe.pth
if [ "$VARIANT" = cuda ]; then
    cuobjdump --list-elf --list-ptx /opt/caffe/lib/libcaffe.so.1.0.0 | sed -nE 's/^(ELF|PTX) file.*\.(sm_[0-9]+)\..*/\1 \2/p' |
        sort | uniq -c >/opt/caffe/architectures.txt
fi
GLOG_minloglevel=2 /opt/python/bin/python -c 'import caffe; print("pycaffe", caffe.__version__)'
rm -rf /build
