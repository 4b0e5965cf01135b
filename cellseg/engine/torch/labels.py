"""Checking that the labels of data files are among the classes of the net; Caffe would read wild memory."""

from cellseg.engine.layers.data import HDF5Data


def check_labels(steps):
    """Make each HDF5Data layer refuse labels that a layer which it feeds directly does not know.

    Parameters
    ----------
    steps : list of cellseg.engine.torch.steps.Step

    Raises
    ------
    CellsegError
        If the files loaded first hold such labels; files loaded later are refused then.
    """
    sources = {}
    for step in steps:
        layer = step.layer
        if isinstance(layer, HDF5Data):
            sources.update({id(top): (layer, name) for top, name in zip(step.tops, step.top_names)})
        elif layer.type == "Split" and id(step.bottoms[0]) in sources:
            sources.update({id(top): sources[id(step.bottoms[0])] for top in step.tops})
        elif layer.classes is not None and id(step.bottoms[1]) in sources:
            data, top = sources[id(step.bottoms[1])]
            data.require_classes(top, layer.classes, layer.ignored)
