"""The steps, in their order; those that matter most come first, since the time for all together is limited."""

import json
import os
import re
import sys
from pathlib import Path

from benchmarks.gpu_check import numbers, trainings
from benchmarks.gpu_check.run import ROOT, Step, run_command
from benchmarks.machine import machine


def look(setting):
    """Name the GPUs and what drives them, and multiply two matrices on the first one."""
    import torch

    known = {"torch": torch.__version__, "cuda": torch.version.cuda, **machine()}
    if setting.small or not torch.cuda.is_available():
        return {"gpus": 0, **known}
    about = torch.cuda.get_device_properties(0)
    one = torch.rand(512, 512, dtype=torch.float64)
    error = float((one.cuda() @ one.cuda() - (one @ one).cuda()).abs().max())
    return {
        "gpus": torch.cuda.device_count(),
        "name": about.name,
        "capability": f"{about.major}.{about.minor}",
        "memory_gib": round(about.total_memory / 2**30, 1),
        "compiled_for": " ".join(torch.cuda.get_arch_list()),
        "cudnn": torch.backends.cudnn.version(),
        "nccl": ".".join(map(str, torch.cuda.nccl.version())),
        "matrix_product_error": error,
        **({} if error < 1e-9 else {"failed": f"a product of matrices is off by {error:.2g}"}),
        **known,
    }


def parity(setting, *tests):
    """Run tests of tests/parity on the device, beside real Caffe, or without it beside the engine on the processor."""
    missing = [name for name in ("pytest", "hypothesis") if not _importable(name)]
    if missing:
        return {"skipped": f"needs {' and '.join(missing)}"}
    chosen = ("-k", "Sigmoid or 37x45 and FCRN and TRAIN and this") if setting.small else ()
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, *chosen]
    environment = {"CELLSEG_PARITY_DEVICE": "cuda" if setting.gpus else "cpu", "OPENBLAS_NUM_THREADS": "1"}
    try:
        text, failed = run_command(words, setting.folder, **environment), None
    except Exception as error:
        text, failed = (Path(setting.folder) / "command.log").read_text(errors="replace"), str(error)
    counts = {what: int(number) for number, what in re.findall(r"(\d+) (passed|failed|skipped|errors?)\b", text)}
    names = re.findall(r"^(?:FAILED|ERROR) \S+?::(\S+)", text, re.MULTILINE)
    found = {"reference": _reference(), **counts, **({"not_alike": names} if names else {})}
    if failed:
        found["failed"] = f"{len(names)} of the tests: {', '.join(names[:8])}" if names else failed
    elif not counts.get("passed"):
        found["skipped"] = "no test could run"
    return found


def layers(setting):
    """Every layer type over random fields."""
    return parity(setting, "tests/parity/test_parity_layers.py")


def networks(setting):
    """Whole networks, layer by layer and in one pass."""
    return parity(setting, "tests/parity/test_parity_networks.py")


def bench(setting):
    """The benchmark of `make bench`, in fewer rounds."""
    out = Path(setting.folder) / "bench"
    options = ["--quick", "--skip", "caffe", "opencv", "plain-bf16"] if setting.small else ["--rounds", "3"]
    run_command([sys.executable, "-m", "benchmarks", "--out", out, *options], setting.folder)
    record = json.loads((out / "bench.json").read_text())
    rates = {
        task["title"]: {name: round(one["rate"], 2) for name, one in task["results"].items()}
        for task in record["tasks"].values()
    }
    return {"ratios": {name: ratio and round(ratio, 2) for name, ratio in record["ratios"].items()}, "rates": rates}


def caffe(setting):
    """Build real Caffe for this GPU as an image, and train with it for an epoch."""
    variant, runs = "cuda" if setting.gpus else "cpu", ROOT / "runs/gpu-check-caffe"
    code = setting.capability.replace(".", "")
    built_for = [f"CUDA_ARCH_BIN={code}", f"CUDA_ARCH_PTX={code}"] if setting.gpus else []
    run_command(["make", "image", f"VARIANT={variant}", *built_for], setting.folder)
    runs_in_image = f"RUNS={runs.relative_to(ROOT)}"
    run_command(["make", "docker-pretrain", f"VARIANT={variant}", "EPOCHS=1", runs_in_image], setting.folder)
    record = json.loads((runs / "pretrain/run.json").read_text())
    found = {"engine": record["engine"], "seconds": record["parts"][-1]["seconds"], **record["last_epoch"]}
    on_gpu = record["engine"].get("device", "").startswith("cuda")
    return found if on_gpu or not setting.gpus else {**found, "failed": "real Caffe did not take the GPU"}


def _importable(name):
    from importlib.util import find_spec

    return find_spec(name) is not None


def _reference():
    from cellseg.engine.names import python_with
    from cellseg.errors import CellsegError

    try:
        return f"real Caffe in {os.path.relpath(python_with('caffe') or sys.executable, ROOT)}"
    except CellsegError:
        return "the embedded engine on the processor"


STEPS = {
    "machine": Step("The machine", look, 60),
    "precisions": Step("Single precision, TF32 and bfloat16 beside the processor", numbers.precisions, 60),
    "training": Step("Pretraining of the report, 60 epochs", trainings.pretraining, 180),
    "processes": Step("Two processes train together", trainings.processes, 90),
    "segment": Step("Segmentation of a large image", numbers.segment, 90),
    "layers": Step("Parity: layers of each type", layers, 120),
    "networks": Step("Parity: whole networks", networks, 120),
    "bench": Step("The benchmark", bench, 180),
}
BY_REQUEST = {"caffe": Step("Real Caffe, built for this GPU", caffe, 5400)}
