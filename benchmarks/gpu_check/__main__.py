"""Check on a GPU, in at most ten minutes, what runs only there: parity, precisions, several GPUs, and how fast it is.

Each step runs in a process of its own with a time limit. One that fails, or takes too long, is a line of the result,
and the others go on. Where there is no GPU, the same steps run on the processor, small: a rehearsal, which says so.
gpu_check.json and gpu_check.html are written anew after each step. The exit code is 0 if no step failed.

    python -m benchmarks.gpu_check
    python -m benchmarks.gpu_check --steps machine training --data runs/data/simulated
"""

import shlex
import shutil
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.gpu_check.page import page
from benchmarks.gpu_check.run import Setting, run_step
from benchmarks.gpu_check.steps import BY_REQUEST, STEPS
from benchmarks.machine import machine
from cellseg import cli
from cellseg.files import make_folder, write_json, write_text

_SECONDS = 570  # for all steps but those by request; with what is written at the end, less than ten minutes


def parse():
    parser = cli.Parser(description=__doc__, prog="python -m benchmarks.gpu_check")
    parser.add_argument("--out", default="runs/gpu-check", help="folder for all that is made (%(default)s)")
    parser.add_argument("--steps", nargs="+", choices=STEPS, metavar="STEP", help=f"(all) {', '.join(STEPS)}")
    caffe = "also build real Caffe for this GPU as an image, and train with it: an hour more"
    parser.add_argument("--caffe", action="store_true", help=caffe)
    parser.add_argument("--data", help="simulated data set, if it is there already: runs/data/simulated, say")
    rehearse = "take the processor and small sizes, also where there is a GPU"
    parser.add_argument("--rehearse", action="store_true", help=rehearse)
    return parser.parse_args()


def main():
    arguments = parse()
    out, started = make_folder(arguments.out), time.monotonic()
    work = out / "work"
    shutil.rmtree(work, ignore_errors=True)
    setting = Setting(str(make_folder(work)), arguments.rehearse, data=arguments.data and str(Path(arguments.data)))
    wanted = ["machine", *(name for name in arguments.steps or STEPS if name != "machine")]
    record = {
        "command": shlex.join(sys.argv),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "steps": [],
    }
    for name in [*wanted, *(BY_REQUEST if arguments.caffe else ())]:
        step, left = STEPS.get(name) or BY_REQUEST[name], started + _SECONDS - time.monotonic()
        limit = step.seconds if name in BY_REQUEST else min(step.seconds, left)
        print(f"{step.title} ...", flush=True)
        result = run_step(name, step, setting, limit, work / f"{name}.log")
        print(f"    {result.status} in {result.seconds:.0f} s{result.why and ': ' + result.why}", flush=True)
        record["steps"].append(asdict(result))
        if name == "machine":
            setting = setting.on(result.found)
        record.update(rehearsal=setting.small, seconds=round(time.monotonic() - started, 1))
        record["passed"] = all(one["status"] in ("passed", "left out") for one in record["steps"])
        write_json(out / "gpu_check.json", record)
        write_text(out / "gpu_check.html", page(record))
    print(f"{'passed' if record['passed'] else 'FAILED'}; written: {out / 'gpu_check.json'}, {out / 'gpu_check.html'}")
    return 0 if record["passed"] else 1


if __name__ == "__main__":
    cli.run(main)
