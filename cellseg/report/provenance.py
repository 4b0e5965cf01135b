"""Where every number of the page comes from: engine, versions, seed, data, command line, duration, stand-in."""

from dataclasses import asdict

from cellseg.layout import STAGES
from cellseg.report.names import change_of, name_of

_LIBRARIES = ("python", "google.protobuf", "h5py", "numpy", "scipy")


def runs(collection):
    """Describe every finished run.

    Returns
    -------
    list of dict
        In the order of the tables: ``folder`` (from the root's name on), ``of`` (recipe, or change that was tried),
        ``stage``, ``seed``, ``epochs``, ``engine``, ``seconds``, ``commit``, and ``facts``: pairs of a name and a text.
    """
    found, root = [], collection.root.resolve()
    for group in [*collection.groups, *collection.ablations]:
        of = change_of(group) if group.ablation else name_of(group)
        for experiment in group.experiments:
            for stage in STAGES:
                if stage in experiment.stages:
                    run = experiment.stages[stage]
                    folder = run.folder.resolve().relative_to(root.parent).as_posix()
                    found.append({"folder": folder, "of": of, **_run(run, _evaluations(experiment, stage))})
    return found


def data_sets(collection):
    """Describe every data set that a run was trained on, once.

    Returns
    -------
    list of dict
        ``folder``, ``kind``, ``record_sha256``, ``normalisation``, ``note`` (of a stand-in, or None), ``splits``
        (name, patches, share of cell pixels, and the files' SHA-256 by name) and ``source`` (the same of the images).
    """
    found = {}
    for run in collection.all_runs:
        data, request = run.record.data, run.data.request
        found.setdefault(
            data.record_sha256,
            {
                "folder": data.folder,
                "kind": data.kind,
                "record_sha256": data.record_sha256,
                "normalisation": request.normalisation,
                "seed": request.seed,
                "note": request.note,
                "splits": [{"name": name, **vars(split)} for name, split in run.data.splits.items()],
                "source": request.source or {},
            },
        )
    return list(found.values())


def stand_ins(collection):
    """Describe what stands in for real images. The list is empty if nothing does."""
    evaluations = [
        result.record
        for group in [*collection.groups, *collection.ablations]
        for one in group.experiments
        for result in one.evaluations.values()
    ]
    records = [run.record for run in collection.all_runs] + evaluations
    notes = [record.note or "simulated ones" for record in records if record.stand_in]
    return list(dict.fromkeys(notes))


def engines(collection):
    """Describe the engines that trained, each once."""
    return list(dict.fromkeys(_engine(run.record.engine) for run in collection.all_runs))


def duration(seconds):
    """Write a duration in words, such as "2 h 5 min"."""
    seconds = int(round(seconds))
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def _run(run, evaluations):
    record = run.record
    weights, start, machine = record.weights, record.initial_weights, record.machine
    versions = [f"{name} {machine[name]}" for name in _LIBRARIES if machine.get(name)]
    facts = [
        ("command", record.command),
        ("started", record.started),
        ("engine", _engine(record.engine)),
        ("cellseg", record.cellseg),
        ("git commit", record.git_commit),
        ("libraries", ", ".join(versions)),
        ("machine", ", ".join(_machine(machine))),
        ("network", ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in run.variant.items())),
        ("schedule", ", ".join(_schedule(asdict(record.schedule)))),
        ("normalisation", record.normalisation),
        ("data", f"{record.data.folder} ({record.data.kind})"),
        ("data.json, SHA-256", record.data.record_sha256),
        ("started from", f"{start.file} {start.sha256}" if start else None),
        ("weights", weights.file if weights else None),
        ("weights, SHA-256", weights.sha256 if weights else None),
        *evaluations,
    ]
    return {
        "stage": record.stage,
        "seed": run.seed,
        "epochs": record.schedule.epochs,
        "engine": _engine(record.engine),
        "seconds": run.seconds,
        "commit": record.git_commit,
        "facts": [(name, text) for name, text in facts if text],
    }


def _evaluations(experiment, stage):
    """A pair for each evaluation of a stage's model."""
    pairs = []
    for name in ("before", "simulated") if stage == "pretrain" else ("after", "chosen", "honest"):
        if name in experiment.evaluations:
            record = experiment.evaluations[name].record
            text = f"{record.images} images of {record.data}, {_engine(record.engine_details)}; "
            text += f"threshold {record.threshold:.2f}: {record.threshold_chosen_on}"
            if record.orientations > 1:
                text += f"; output averaged over {record.orientations} orientations"
            pairs.append((f"evaluated ({name})", text))
    return pairs


def _engine(record):
    name = {"caffe": "real Caffe", "torch": "embedded engine, PyTorch"}.get(record.get("name"), record.get("name"))
    parts = [f"{name or 'unknown'} {record.get('version', '')}".strip()]
    parts += [str(record[key]) for key in ("precision", "device", "blas_core") if record.get(key)]
    return ", ".join(parts + ([_count(record["threads"], "thread")] if record.get("threads") else []))


def _machine(machine):
    others = {key: value for key, value in machine.items() if key not in _LIBRARIES}
    return [str(value) if key == "system" else f"{value} {key}" for key, value in others.items() if value]


def _count(number, what):
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _schedule(schedule):
    for key, value in schedule.items():
        if isinstance(value, dict):
            yield from _schedule(value)
        elif value is not None:
            yield f"{key.replace('_', ' ')} {value}"
