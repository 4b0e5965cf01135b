"""``caffe.io``: images for nets, and arrays as Caffe's messages. Images are HxWxK, what nets take KxHxW."""

import numpy as np

from cellseg.engine.pycaffe.proto import caffe_pb2
from cellseg.engine.pycaffe.transformer import Transformer, resize_image

__all__ = [
    "Transformer",
    "array_to_blobproto",
    "array_to_datum",
    "arraylist_to_blobprotovector_str",
    "blobproto_to_array",
    "blobprotovector_str_to_arraylist",
    "caffe_pb2",
    "datum_to_array",
    "load_image",
    "oversample",
    "resize_image",
]


def load_image(filename, color=True):
    """Read an image.

    Parameters
    ----------
    filename : str or path
    color : bool
        Whether to give three channels, RGB, without transparency; else one, of the luminance on white.

    Returns
    -------
    ndarray of float32, HxWx3 or HxWx1
        From 0 to 1.
    """
    from skimage import color as colours
    from skimage import io, util

    image = util.img_as_float(io.imread(filename))
    if image.ndim == 2:
        return np.repeat(image[..., None], 3 if color else 1, axis=2).astype(np.float32)
    if image.shape[2] == 2:  # grey values and transparency
        image = image[..., [0, 0, 0, 1]]
    if color:
        return image[..., :3].astype(np.float32)
    opaque = colours.rgba2rgb(image) if image.shape[2] == 4 else image
    return colours.rgb2gray(opaque)[..., None].astype(np.float32)


def oversample(images, crop_dims):
    """Cut ten windows out of each image: the corners, the centre, and these five mirrored.

    Parameters
    ----------
    images : sequence of ndarray, HxWxK
        All of one shape.
    crop_dims : (int, int)
        Height and width of the windows.

    Returns
    -------
    ndarray of float32, 10NxHxWxK

    Raises
    ------
    ValueError
        If a window is larger than the images.
    """
    (rows, columns), (height, width) = np.shape(images[0])[:2], (int(side) for side in crop_dims)
    if height > rows or width > columns:
        raise ValueError(f"windows of {height}x{width} do not fit into images of {rows}x{columns}")
    corners = [(top, left) for top in (0, rows - height) for left in (0, columns - width)]
    corners.append((int(rows / 2 - height / 2), int(columns / 2 - width / 2)))
    crops = []
    for image in images:
        five = [image[top : top + height, left : left + width] for top, left in corners]
        crops += [*five, *(crop[:, ::-1] for crop in five)]
    return np.array(crops, np.float32)


def array_to_blobproto(arr, diff=None):
    """An array, and its gradient, as a BlobProto."""
    blob = caffe_pb2.BlobProto()
    blob.shape.dim.extend(np.shape(arr))
    blob.data.extend(np.ravel(arr).astype(float))
    if diff is not None:
        blob.diff.extend(np.ravel(diff).astype(float))
    return blob


def blobproto_to_array(blob, return_diff=False):
    """The array in a BlobProto, or its gradient.

    Returns
    -------
    ndarray of float
        Of the blob's shape; four axes where the file has the older form.
    """
    values = (blob.diff or blob.double_diff) if return_diff else (blob.data or blob.double_data)
    old = ("num", "channels", "height", "width")
    shape = [getattr(blob, side) for side in old] if any(map(blob.HasField, old)) else blob.shape.dim
    return np.array(values, float).reshape(tuple(shape))


def arraylist_to_blobprotovector_str(arraylist):
    """Arrays as the bytes of a BlobProtoVector."""
    return caffe_pb2.BlobProtoVector(blobs=map(array_to_blobproto, arraylist)).SerializeToString()


def blobprotovector_str_to_arraylist(str):
    """The arrays in the bytes of a BlobProtoVector."""
    return [blobproto_to_array(blob) for blob in caffe_pb2.BlobProtoVector.FromString(str).blobs]


def array_to_datum(arr, label=None):
    """An array KxHxW as a Datum: bytes if it is uint8, else floats.

    Raises
    ------
    ValueError
        If it has other axes.
    """
    if arr.ndim != 3:
        raise ValueError(f"Incorrect array shape: {arr.shape}; a datum has channels, rows and columns")
    datum = caffe_pb2.Datum(**dict(zip(("channels", "height", "width"), arr.shape)))
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(arr.astype(float).flat)
    if label is not None:
        datum.label = label
    return datum


def datum_to_array(datum):
    """The array KxHxW in a Datum, uint8 or float.

    Raises
    ------
    ValueError
        If it holds a compressed image.
    """
    if datum.encoded:
        raise ValueError("the datum holds a compressed image; decode its data, with Pillow for instance")
    values = np.frombuffer(datum.data, np.uint8).copy() if datum.data else np.array(datum.float_data, float)
    return values.reshape(datum.channels, datum.height, datum.width)
