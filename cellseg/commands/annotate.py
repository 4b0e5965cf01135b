"""Make an annotation folder of results, to correct the cells by hand in any program and train on them.

    cellseg segment photos/ --out results
    cellseg annotate results --out annotated

It writes annotated/images/NAME.tif and annotated/labels/NAME.tif (0 background, the cells 1 to n). Correct the labels,
delete those that you have not corrected, and train:

    cellseg train --images annotated/images --labels annotated/labels
"""

import sys


def add_arguments(parser):
    """Add the verb's options."""
    parser.add_argument("results", help="folder that `cellseg segment` has written")
    parser.add_argument("--out", required=True, help="annotation folder; labels that are there stay")
    parser.add_argument("--overwrite", action="store_true", help="replace labels that are there, also corrected ones")


def run(arguments):
    """Write the folder."""
    from cellseg.data.annotation import IMAGES, LABELS
    from cellseg.segmentation.annotate import annotate

    written, stay, errors = 0, 0, []
    for one in annotate(arguments.results, arguments.out, arguments.overwrite):
        written += sum(1 for kept in one.kept if kept.written)
        stay += sum(1 for kept in one.kept if not kept.written)
        errors += [one.error] if one.error else []
    print(f"{written} written, {stay} kept as they are, {len(errors)} failed: {arguments.out}/{IMAGES}, {LABELS}")
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    return 1 if errors else 0
