"""Print the report's Table 1 with our rows below its own, from evaluation.json files."""

from cellseg.errors import CellsegError


def add_arguments(parser):
    """Add the verb's options."""
    parser.add_argument("before", nargs="?", help="evaluation.json before fine-tuning, if there was a pretraining")
    parser.add_argument("after", help="evaluation.json after fine-tuning")
    parser.add_argument("--honest", help="evaluation.json after fine-tuning, threshold chosen on the training images")
    parser.add_argument("--out", help="file to which the table is written as well")


def run(arguments):
    """Print the table, and write it if it is asked for."""
    from cellseg.evaluation.record import ON_THEMSELVES, read_evaluation
    from cellseg.evaluation.table import REPORT, format_table
    from cellseg.files import write_text

    after = read_evaluation(arguments.after)
    before, honest = (read_evaluation(path) if path else None for path in (arguments.before, arguments.honest))
    for path, record in ((arguments.before, before), (arguments.after, after)):
        if record and record.threshold != record.best_threshold:
            what = f"its threshold ({record.threshold_chosen_on}) is not the best one on the test images"
            raise CellsegError(f"{path}: {what}; evaluate again without --threshold")
    if honest and honest.threshold_chosen_on in (ON_THEMSELVES, f"chosen on {honest.data}"):
        what = "its threshold was chosen on the images of its scores"
        raise CellsegError(f"{arguments.honest}: {what}; evaluate again with --threshold chosen on others")
    for record in filter(None, (before, honest)):
        if record.data != after.data:
            raise CellsegError(f"{record.data} and {after.data} are different images; evaluate again on the same")
    if honest and honest.model_sha256 != after.model_sha256:
        raise CellsegError(f"{arguments.honest} and {arguments.after} are of different models; evaluate again")
    rows = [("ours, before fine-tuning", before.threshold, before.indicators)] if before else []
    rows.append(("ours, after fine-tuning", after.threshold, after.indicators))
    text = f"Table 1, thresholds chosen on the test images as in the report\n\n{format_table([*REPORT, *rows])}\n"
    text += f"\nour rows: {after.images} images of {after.data}, engine {after.engine}\n"
    if after.note:
        text += f"STAND-IN: the images are {after.note}\n"
    others = [("Otsu's threshold, per image", None, after.baseline_otsu.indicators)]
    if honest:
        others.insert(0, ("ours, after fine-tuning", honest.threshold, honest.indicators))
    text += f"\nThe same images, nothing chosen on them\n\n{format_table(others)}\n"
    if arguments.out:
        write_text(arguments.out, text)
    print(text, end="")
