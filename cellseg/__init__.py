"""cellseg: microscopy cell segmentation with a fully convolutional network, on real Caffe.

The packages follow the data: ``simcep`` (synthetic microscope), ``data`` (images to HDF5), ``network``
(prototxt and solvers), ``engine`` (pycaffe's surface), ``training``, ``evaluation``.
"""

__version__ = "0.1.0"
