"""The README of a package: what the model is, how to use it, how it was trained, and what it is worth."""

from cellseg.data.normalisation import CEILING, FLOOR, HIGH, LOW
from cellseg.evaluation.indicators import INDICATORS
from cellseg.export.card import without_folders

_REPORT = (
    "A. Marzo and F. La Rosa, Microscopy cell semantic segmentation with fully-convolutional neural networks, "
    "report, 2016"
)
_XIE = (
    "W. Xie, J. A. Noble and A. Zisserman, Microscopy cell counting and detection with fully convolutional regression "
    "networks, Computer Methods in Biomechanics and Biomedical Engineering: Imaging & Visualization 6(3):283, 2018",
    "10.1080/21681163.2016.1149104",
)
_RONNEBERGER = (
    "O. Ronneberger, P. Fischer and T. Brox, U-Net: convolutional networks for biomedical image segmentation, "
    "MICCAI 2015",
    "10.1007/978-3-319-24574-4_28",
)
#: Name of the network in the record of its training to: what it is, what to cite, and the report's part in it.
_NETWORKS = {
    "fcrn_a": ("the fully convolutional network FCRN-A with a two-class head", _XIE, "the network of"),
    "unet": ("a small U-Net with batch normalisation", _RONNEBERGER, "here in place of the network of"),
    "cell_unet": (
        "a small U-Net with batch normalisation, which also gives the distance to the edge of the cell",
        _RONNEBERGER,
        "here in place of the network of",
    ),
    None: ("a fully convolutional network", _XIE, "the toolkit began with the network of"),
}
_RANGE = f"percentile {LOW:g} of each image goes to 0 and percentile {HIGH:g} to 1, and"
_SCALED = f"{_RANGE} the rest is cut off"
_ROOTED = (
    " (steps `scale_range` and `clip` of the package). The network was trained on the square root of that, "
    "for which the package's format has no step: the ONNX graph itself begins with it. Do not take the root before."
)
_PREPROCESSING = {
    "percentile": f"{_SCALED} (steps `scale_range` and `clip` of the package).",
    "root": f"{_SCALED}{_ROOTED}",
    "floor": f"{_RANGE} what is below 0 or above {CEILING:g} is cut off{_ROOTED} In cellseg the range is at least "
    f"{FLOOR} times the noise, for which the format has no step either: images without cells may look full of them.",
    "standard": "each image minus its mean, divided by its standard deviation (step `zero_mean_unit_variance`).",
    "unchanged": "none: the grey values must share one scale of about 0 to 1.",
}
_SCORES = ("mcc", "f_score", "precision", "recall")


def citations(card):
    """What to cite, as a list of (text, DOI).

    The report has neither DOI nor address, and the format takes no entry without. So it stands beside the network on
    which it, or this toolkit, builds.
    """
    _, (text, doi), role = _NETWORKS[card.network]
    return [(f"{text}; {role}: {_REPORT}", doi)]


def summary(card):
    """What the model is, in at most 512 characters.

    Parameters
    ----------
    card : cellseg.export.card.ModelCard

    Returns
    -------
    str
    """
    recipe = f", recipe {card.settings.recipe}" if card.settings.recipe else ""
    warning = " Its last training was on simulated images, not on real ones." if card.simulated else ""
    trained = f"trained with cellseg in Caffe's formats{recipe}"
    if not card.recorded:
        trained = "which was given in Caffe's formats; no record says on what it was trained"
    return (
        f"Probability of cell for each pixel of a grayscale microscopy image, by {_NETWORKS[card.network][0]}, "
        f"{trained}. A pixel is cell where the probability is at least "
        f"{card.settings.threshold:g}.{warning}"
    )


def readme(order, card, sizes):
    """The README, as Markdown.

    Parameters
    ----------
    order : cellseg.export.description.Order
    card : cellseg.export.card.ModelCard
    sizes : cellseg.export.description.Sizes

    Returns
    -------
    str
    """
    return "\n".join(
        [
            f"# {order.name}",
            "",
            summary(card),
            "",
            "![The test image, simulated, and the output for it](cover.png)",
            "",
            *_use(order, card),
            "",
            *_tensors(card, sizes),
            "",
            "## Training",
            "",
            *_training(card),
            "",
            "## Validation",
            "",
            *_validation(card),
            "",
            "## Licence and citation",
            "",
            f"Weights: {order.license}. Authors: {', '.join(order.authors)}.",
            "",
            *(f"- {text}. doi:{doi}" for text, doi in citations(card)),
            "",
        ]
    )


def _use(order, card):
    return [
        "## Use",
        "",
        "With any program that opens packages of the BioImage Model Zoo, or in Python, where `image` is a plane of "
        "grey values of any size:",
        "",
        "    from bioimageio.core import Tensor, predict",
        "",
        '    tensor = Tensor(image[None, None].astype("float32"), ("batch", "channel", "y", "x"))',
        '    found = predict(model="rdf.yaml", inputs={"image": tensor}, blocksize_parameter=10)',
        f'    cells = found.members["probability"].data.values[0, 0] >= {card.settings.threshold:g}',
        "",
        f"The threshold {card.settings.threshold:g} was {card.settings.chosen_on}; `rdf.yaml` has it under "
        "`config.cellseg.threshold`.",
    ]


def _tensors(card, sizes):
    return [
        "## Input and output",
        "",
        f"- `image`: one channel. Preprocessing: {_PREPROCESSING[card.settings.normalisation]}",
        f"- Sides are multiples of {sizes.stride} pixels. The outer {sizes.halo} pixels of a tile depend on what lies "
        f"beyond it (the halo), so the side of a tile is at least {sizes.least} pixels.",
        "- `probability`: one channel, 0 to 1, of the size of the image. No threshold is applied.",
        *(
            ["- `distance`: one channel, how far a pixel is from the edge of its cell, 1 in the middle of any cell."]
            if card.network == "cell_unet"
            else []
        ),
        *_size(card.settings.diameter),
    ]


def _size(diameter):
    """What to do about cells of another size."""
    if diameter is None:
        return []
    return [
        f"- Cells: the network was trained on cells with a median diameter of {diameter:.3g} pixels (of a disc of the "
        "same area). Rescale images of others to that."
    ]


def _training(card):
    run = card.run
    if not run:
        return ["No record of the training lies beside the weights (`run.json`)."]
    schedule = run.schedule
    rows = {
        "recipe": card.settings.recipe or "report",
        "stage": run.stage,
        "images": f"simulated ones ({card.kind})" if card.simulated else card.kind,
        "training patches, copies included": schedule.samples,
        "epochs": schedule.epochs,
        "patches a batch": schedule.batch,
        "solver": f"{schedule.updates.type}, learning rate {schedule.updates.base_lr} at the start",
        "seed": schedule.seed,
        "normalisation": card.settings.normalisation,
        "engine": run.engine.get("name"),
        "cellseg": run.cellseg,
        "started": run.started,
    }
    return [f"- {name}: {value}" for name, value in rows.items() if value is not None]


def _validation(card):
    record, advice = card.evaluation, "Before use, compare with annotated images of your own: "
    advice += "the Matthews correlation of the pixels above the threshold with the annotation is the indicator here."
    known = [f"- {name}: {score:.3f}" for name, score in (card.settings.scores or {}).items()]
    if not record:
        return [*(known or ["No evaluation of these weights is known."]), "", advice]
    titles = {one.name: one.title for one in INDICATORS} | {"mcc": "Matthews correlation"}
    values = {name: record.indicators[name] for name in _SCORES if record.indicators[name] is not None}
    scores = ", ".join(f"{titles[name]} {value:.3f}" for name, value in values.items())
    lines = [
        f"On {record.images} annotated test images, pixels pooled, at the threshold {record.threshold:g} "
        f"({without_folders(record.threshold_chosen_on)}): {scores}.",
    ]
    if card.settings.orientations > 1:
        lines.append(
            f"For these numbers the output was averaged over {card.settings.orientations} orientations of each image; "
            "the package computes one, and may do slightly worse."
        )
    if record.note:
        lines.append("The test images were simulated ones, in place of real ones.")
    return [*lines, *known, "", advice]
