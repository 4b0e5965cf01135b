"""How fast the embedded engine is beside real Caffe, plain PyTorch, ONNX Runtime and OpenCV.

The networks are the report's and the U-Net of the recipe best.

All contenders get the same files, and must compute the same; they run in turns, one at a time, each in a process of
its own. Who is not installed is left out and named. The medians, all times, peak memory, versions and ratios go to
bench.json, the table to bench.md.
"""

import shlex
import sys
from datetime import UTC, datetime

from benchmarks.contenders import ENTRIES, NAMES
from benchmarks.machine import machine
from benchmarks.result import ratios, summarise, table
from benchmarks.rounds import measure
from benchmarks.tasks import Effort, tasks
from cellseg import cli
from cellseg.engine.process import cores
from cellseg.evaluation.record import read_evaluation
from cellseg.files import make_folder, write_json, write_text
from cellseg.progress import bar


def parse():
    parser = cli.Parser(description=__doc__, prog="python -m benchmarks")
    parser.add_argument("--out", default="runs/bench", help="folder for bench.json and bench.md (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="that each contender runs (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="that a round takes, about (%(default)s)")
    parser.add_argument("--threads", type=int, default=cores(), help="of each contender (here: %(default)s)")
    parser.add_argument("--large", type=int, default=1024, help="side of the large image, pixels (%(default)s)")
    networks = ("report", "unet")
    parser.add_argument(
        "--networks", nargs="+", choices=networks, default=networks, metavar="NAME", help=", ".join(networks)
    )
    parser.add_argument("--skip", nargs="+", choices=NAMES, default=[], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--device", choices=("auto", "cpu"), default="auto", help="for PyTorch (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="tiny images, 2 short rounds: to try whether all runs")
    scores = "evaluation.json of one model in fp32 and in bf16, to show what bf16 costs"
    parser.add_argument("--mcc", nargs=2, metavar=("FP32", "BF16"), help=scores)
    arguments = parser.parse_args()
    for name in ("rounds", "threads"):
        if getattr(arguments, name) < 1:
            parser.error(f"argument --{name}: {getattr(arguments, name)} is not 1 or more")
    if not 0 <= arguments.seconds < 3600:
        parser.error(f"argument --seconds: {arguments.seconds} is not between 0 and 3600")
    return arguments


def main():
    arguments = parse()
    rounds, seconds = (2, 0) if arguments.quick else (arguments.rounds, arguments.seconds)
    effort = Effort(rounds, seconds, arguments.threads, arguments.device)
    work = [
        task
        for task in tasks(arguments.large, arguments.quick)
        if (task.network.name or "report") in arguments.networks
    ]
    scores = [read_evaluation(path).mcc for path in arguments.mcc or []]
    out = make_folder(arguments.out)
    record = {
        "command": shlex.join(sys.argv),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "threads": effort.threads,
        "rounds": effort.rounds,
        "contenders": {name: {"missing": "skipped"} for name in NAMES if name in arguments.skip},
        "tasks": {},
        "ratios": {},
        "mcc": dict(zip(("fp32", "bf16"), scores, strict=True), difference=scores[1] - scores[0]) if scores else None,
    }
    for task in work:
        print(f"{task.name}: {effort.rounds} rounds", flush=True)
        entries = [e for e in ENTRIES if e.name not in arguments.skip and (e.trains or task.kind != "training")]
        with bar("step")(total=len(entries) * (1 + effort.rounds)) as steps:
            about, results = measure(task, entries, effort, lambda what: (steps.set_description(what), steps.update()))
        record["contenders"].update(about)
        found = {name: summarise(task, result) for name, result in results.items()}
        about = {"kind": task.kind, "size": task.size, "unit": task.unit, "title": task.title}
        record["tasks"][task.name] = {**about, "results": found}
    record["contenders"] = {name: record["contenders"][name] for name in NAMES}
    record["ratios"] = ratios(record["tasks"])

    text = table(record)
    write_json(out / "bench.json", record)
    write_text(out / "bench.md", text)
    print(f"\n{text}\nwritten: {out / 'bench.json'}, {out / 'bench.md'}")


if __name__ == "__main__":
    cli.run(main)
