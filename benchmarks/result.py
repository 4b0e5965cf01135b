"""Medians, ratios and the table."""

import statistics

from benchmarks.contenders import ENTRIES
from benchmarks.tasks import UNET

_TITLES = {entry.name: entry.title for entry in ENTRIES}
_BF16 = {entry.name for entry in ENTRIES if entry.bf16}


def summarise(task, result):
    """Add ``median_seconds`` and ``min_seconds`` of a repetition and the ``rate`` to the result of a contender.

    Parameters
    ----------
    task : Task
    result : dict
        Of `benchmarks.rounds.measure`; its ``seconds`` are of whole rounds.

    Returns
    -------
    dict
    """
    each = [seconds / result["repetitions"] for seconds in result["seconds"]]
    median = statistics.median(each)
    return {"rate": task.work / median, "median_seconds": median, "min_seconds": min(each), **result}


def ratios(tasks):
    """How many times as fast as others the embedded engine is.

    Parameters
    ----------
    tasks : dict of str to dict
        As in ``bench.json``: name of a task ("training_..." or "inference_...", for the U-Net with "unet_" before it)
        to its ``results``.

    Returns
    -------
    dict of str to float or None
        Above 1: the first-named is faster. None where one of the two did not take part. "Best" is the fastest of all
        others of the same precision; over all sizes the smallest ratio counts. Those of the U-Net have "unet_" before
        their names.
    """
    mark = f"{UNET.name}_"
    unet = {task.removeprefix(mark): one for task, one in tasks.items() if task.startswith(mark)}
    report = {task: one for task, one in tasks.items() if not task.startswith(mark)}
    return _ratios(report) | {mark + name: ratio for name, ratio in _ratios(unet).items()}


def _ratios(tasks):
    rates = {task: {name: found["rate"] for name, found in one["results"].items()} for task, one in tasks.items()}
    training = next((found for task, found in rates.items() if task.startswith("training")), {})
    inference = {task: found for task, found in rates.items() if task.startswith("inference")}
    over_best = {task: _over_best(found, "torch") for task, found in inference.items()}
    over_best_bf16 = {task: _over_best(found, "torch-bf16") for task, found in inference.items()}
    return {
        "training_torch_over_caffe": _ratio(training, "torch", "caffe"),
        "training_torch_over_plain": _ratio(training, "torch", "plain"),
        "inference_torch_over_best": _smallest(over_best),
        "training_bf16_over_caffe": _ratio(training, "torch-bf16", "caffe"),
        "training_bf16_over_torch": _ratio(training, "torch-bf16", "torch"),
        "training_bf16_over_plain_bf16": _ratio(training, "torch-bf16", "plain-bf16"),
        "inference_bf16_over_plain_bf16": _smallest(over_best_bf16),
        "inference_bf16_over_torch": _smallest({t: _ratio(one, "torch-bf16", "torch") for t, one in inference.items()}),
        **{task.replace("inference", "inference_torch_over_best", 1): ratio for task, ratio in over_best.items()},
    }


def table(record):
    """The whole record as Markdown.

    Parameters
    ----------
    record : dict
        As in ``bench.json``.

    Returns
    -------
    str
    """
    machine, tasks = record["machine"], record["tasks"]
    lines = [
        f"{machine['processor']}, {record['threads']} threads, {machine['memory_gib']} GiB, {record['date']}; medians "
        f"of {record['rounds']} alternating rounds; peak resident memory in MiB.",
        "",
        _row("", *(f"{task['title']} | MiB" for task in tasks.values())),
        _row("---", *["---: | ---:"] * len(tasks)),
        *(_row(_title(record, name), *_cells(name, tasks)) for name in record["contenders"]),
        "",
        *_missing(record),
        _row("ratio", "", "largest difference from the first contender", ""),
        _row("---", "---:", "---", "---:"),
    ]
    found = [(name, f"{value:.2f}" if value else "-") for name, value in record["ratios"].items()]
    apart = _differences(record)
    for n in range(max(len(found), len(apart))):
        lines.append(_row(*(found[n] if n < len(found) else ("", "")), *(apart[n] if n < len(apart) else ("", ""))))
    return "\n".join([*lines, *_mcc(record["mcc"])]) + "\n"


def _ratio(rates, one, other):
    return rates[one] / rates[other] if one in rates and other in rates else None


def _over_best(rates, ours):
    bf16 = ours in _BF16
    others = [rate for name, rate in rates.items() if name not in ("torch", ours) and (name in _BF16) == bf16]
    return rates[ours] / max(others) if others and ours in rates else None


def _smallest(found):
    return min(found.values()) if found and None not in found.values() else None


def _row(*cells):
    return f"| {' | '.join(cells)} |"


def _title(record, name):
    version = record["contenders"][name].get("version")
    return f"{_TITLES[name]} {version}" if version else _TITLES[name]


def _cells(name, tasks):
    for task in tasks.values():
        result = task["results"].get(name)
        yield f"{result['rate']:.2f} | {result['peak_memory_mib']:.0f}" if result else "- | -"


def _missing(record):
    about = record["contenders"]
    lines = [f"{_TITLES[name]} is missing: {about[name]['missing']}  " for name in about if "missing" in about[name]]
    return [*lines, ""] if lines else []


def _differences(record):
    found = {}
    for task in record["tasks"].values():
        kind = "loss, relative" if task["kind"] == "training" else "probability"
        for name, result in task["results"].items():
            if name == result["compared_with"]:
                continue
            ring = f", without a border of {result['ring']} pixels" if result["ring"] else ""
            key = f"{_TITLES[name]}: {kind}{ring}"
            found[key] = max(found.get(key, 0), result["difference"])
    return [(key, f"{value:.1e}") for key, value in found.items()]


def _mcc(mcc):
    if mcc is None:
        return []
    return ["", f"MCC {mcc['fp32']:.4f}, in bfloat16 {mcc['bf16']:.4f}: {mcc['difference']:+.4f}"]
