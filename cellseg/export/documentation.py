"""The README of a package: what the model is, how to use it, how it was trained, and what it is worth."""

from cellseg.data.normalisation import HIGH, LOW
from cellseg.export.facts import without_folders

_REPORT = (
    "A. Marzo and F. La Rosa, Microscopy cell semantic segmentation with fully-convolutional neural networks, "
    "report, 2016"
)
#: Whether the network has skip connections, to (text, DOI) of what to cite. The report has neither DOI nor address,
#: and the format takes no entry without, so it stands beside the network on which it, or this toolkit, builds.
CITATIONS = {
    False: [
        (
            "W. Xie, J. A. Noble and A. Zisserman, Microscopy cell counting and detection with fully convolutional "
            "regression networks, Computer Methods in Biomechanics and Biomedical Engineering: Imaging & "
            f"Visualization 6(3):283, 2018; the network of: {_REPORT}",
            "10.1080/21681163.2016.1149104",
        )
    ],
    True: [
        (
            "O. Ronneberger, P. Fischer and T. Brox, U-Net: convolutional networks for biomedical image segmentation, "
            f"MICCAI 2015; here in place of the network of: {_REPORT}",
            "10.1007/978-3-319-24574-4_28",
        )
    ],
}
_NETWORKS = {
    False: "the fully convolutional network FCRN-A with a two-class head",
    True: "a small U-Net with batch normalisation",
}
_SCALED = f"percentile {LOW:g} of each image goes to 0 and percentile {HIGH:g} to 1, and the rest is cut off"
_PREPROCESSING = {
    "percentile": f"{_SCALED} (steps `scale_range` and `clip` of the package).",
    "root": f"{_SCALED} (steps `scale_range` and `clip` of the package). The network was trained on the square root of "
    "that, for which the package's format has no step: the ONNX graph itself begins with it. Do not take the root "
    "before.",
    "standard": "each image less its mean, divided by its standard deviation (step `zero_mean_unit_variance`).",
    "unchanged": "none: the grey values must share one scale of about 0 to 1.",
}
_SCORES = {"mcc": "Matthews correlation", "f_score": "F-score", "precision": "precision", "recall": "recall"}


def summary(facts, sizes):
    """What the model is, in at most 512 characters.

    Parameters
    ----------
    facts : cellseg.export.facts.Facts
    sizes : cellseg.export.description.Sizes

    Returns
    -------
    str
    """
    recipe = f", recipe {facts.recipe}" if facts.recipe else ""
    warning = " Its last training was on simulated images, not on real ones." if facts.simulated else ""
    return (
        f"Probability of cell for each pixel of a grayscale microscopy image, by {_NETWORKS[sizes.skips]}, trained "
        f"with cellseg in Caffe's formats{recipe}. A pixel is cell where the probability is at least "
        f"{facts.threshold:g}.{warning}"
    )


def readme(order, facts, sizes):
    """The README, as Markdown.

    Parameters
    ----------
    order : cellseg.export.description.Order
    facts : cellseg.export.facts.Facts
    sizes : cellseg.export.description.Sizes

    Returns
    -------
    str
    """
    return "\n".join(
        [
            f"# {order.name}",
            "",
            summary(facts, sizes),
            "",
            "![The test image, simulated, and the output for it](cover.png)",
            "",
            *_use(order, facts),
            "",
            *_tensors(facts, sizes),
            "",
            "## Training",
            "",
            *_training(facts),
            "",
            "## Validation",
            "",
            *_validation(facts),
            "",
            "## Licence and citation",
            "",
            f"Weights: {order.license}. Authors: {', '.join(order.authors)}.",
            "",
            *(f"- {text}. doi:{doi}" for text, doi in CITATIONS[sizes.skips]),
            "",
        ]
    )


def _use(order, facts):
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
        f'    cells = found.members["probability"].data.values[0, 0] >= {facts.threshold:g}',
        "",
        f"The threshold {facts.threshold:g} was {facts.chosen_on}; `rdf.yaml` has it under `config.cellseg.threshold`.",
    ]


def _tensors(facts, sizes):
    return [
        "## Input and output",
        "",
        f"- `image`: one channel. Preprocessing: {_PREPROCESSING[facts.normalisation]}",
        f"- Sides are multiples of {sizes.stride} pixels. The outer {sizes.halo} pixels of a tile depend on what lies "
        f"beyond it (the halo), so tiles have at least {sizes.least} pixels a side.",
        "- `probability`: one channel, 0 to 1, of the size of the image. No threshold is applied.",
    ]


def _training(facts):
    run = facts.run
    if not run:
        return ["No record of the training lies beside the weights (`run.json`)."]
    schedule = run.get("schedule", {})
    updates = schedule.get("updates") or {"type": "SGD", "base_lr": schedule.get("base_lr")}
    rows = {
        "recipe": facts.recipe or "report",
        "stage": run.get("stage"),
        "images": f"simulated ones ({facts.kind})" if facts.simulated else facts.kind,
        "training patches, copies included": schedule.get("samples"),
        "epochs": schedule.get("epochs"),
        "patches a batch": schedule.get("batch"),
        "solver": f"{updates['type']}, learning rate {updates['base_lr']} at the start",
        "seed": schedule.get("seed"),
        "normalisation": facts.normalisation,
        "engine": run.get("engine", {}).get("name"),
        "cellseg": run.get("cellseg"),
        "started": run.get("started"),
    }
    return [f"- {name}: {value}" for name, value in rows.items() if value is not None]


def _validation(facts):
    record, advice = facts.evaluation, "Before use, compare with annotated images of your own: "
    advice += "the Matthews correlation of the pixels above the threshold with the annotation is the indicator here."
    if not record:
        return ["No evaluation of these weights is known.", "", advice]
    scores = ", ".join(f"{name} {record[key]:.3f}" for key, name in _SCORES.items() if record.get(key) is not None)
    lines = [
        f"On {record['images']} annotated test images, pixels pooled, at the threshold {record['threshold']:g} "
        f"({without_folders(record.get('threshold_chosen_on', 'unknown how chosen'))}): {scores}.",
    ]
    if facts.orientations > 1:
        lines.append(
            f"For these numbers the output was averaged over {facts.orientations} orientations of each image; the "
            "package computes one, and may do slightly worse."
        )
    if record.get("note"):
        lines.append("The test images were simulated ones, in place of real ones.")
    return [*lines, "", advice]
