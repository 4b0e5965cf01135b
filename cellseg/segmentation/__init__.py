"""A trained model on a user's own images, of any size.

from cellseg.segmentation import segment

labels, probability, objects = segment(image)
"""

from cellseg.segmentation.model import load_model
from cellseg.segmentation.segment_array import Segmentation, segment

__all__ = ["Segmentation", "load_model", "segment"]
