"""Labels of classes, as losses and accuracies read them."""

import math

from cellseg.engine.later import torch


def read_labels(layer, values, shape, classes, ignored=None):
    """Labels as whole numbers, of which all are classes.

    On the CPU a label that is no class is refused. On a GPU, where one cannot stop to look, it spoils the result.

    Parameters
    ----------
    layer : Layer
        For errors.
    values : torch.Tensor
        As in the blob; fractions are cut off.
    shape : tuple of int
        To give them.
    classes : int
    ignored : int, optional
        A label that need not be a class.

    Returns
    -------
    labels : torch.Tensor of int64
        0 where ignored.
    counted : torch.Tensor of bool, or None
        Where they are not to be ignored; None: everywhere.
    spoilt : torch.Tensor of float32, or None
        0, or NaN if one is no class; for adding to results. None: all are.
    """
    labels, counted = values.reshape(shape).long(), None
    if ignored is not None:
        counted = labels != ignored
        labels = labels.where(counted, 0)
    if not labels.numel():
        return labels, counted, None
    least, most = torch.aminmax(labels)
    if labels.device.type == "cpu":
        for label in (least.item(), most.item()):
            if not 0 <= label < classes:
                layer.fail(f"the label {label} is none of the classes 0 to {classes - 1}")
        return labels, counted, None
    spoilt = torch.zeros((), device=labels.device).masked_fill((least < 0) | (most >= classes), math.nan)
    return labels.clamp(0, classes - 1), counted, spoilt


def places(layer, scores, labels, axis):
    """What lies beside the axis of the classes, refused if there is not one label for each.

    Parameters
    ----------
    layer : Layer
    scores, labels : tuple of int
        Shapes of the bottoms.
    axis : int
        From 0.

    Returns
    -------
    outer, inner : int
        How many places there are before and behind the axis.
    shape : tuple of int
        `scores` without the axis.
    """
    outer, inner = math.prod(scores[:axis]), math.prod(scores[axis + 1 :])
    if math.prod(labels) != outer * inner:
        one, other = ("x".join(map(str, shape)) for shape in (scores, labels))
        layer.fail(
            f"scores {one} need {outer * inner} labels (axis {axis} is that of the classes), but those are {other}"
        )
    return outer, inner, scores[:axis] + scores[axis + 1 :]
