"""With what images were segmented: images that share settings and versions are one group."""

import json
from dataclasses import dataclass

from cellseg.engine import in_words
from cellseg.models.settings import usable_settings
from cellseg.models.shipped import shipped_models
from cellseg.segmentation.record import ImageRecord

_TITLES = {"model_sha256": "SHA-256 of the weights", "split": "depth of a split", "tile": "side of a window"}

#: What of an engine makes another result; threads and the like change roundings only.
_ENGINE = ("name", "version", "device", "precision")


@dataclass(frozen=True)
class Group:
    """Images that were segmented alike.

    Attributes
    ----------
    letter : str
        A, B, ... by the number of images; past Z there are numbers.
    facts : dict of str to str
        What the page says of the settings and versions.
    images : list of str
    """

    letter: str
    facts: dict[str, str]
    images: list[str]

    def other_than(self, first: "Group") -> dict[str, tuple[str, str]]:
        """Facts that differ from those of another group: theirs, and these."""
        names = list(dict.fromkeys((*first.facts, *self.facts)))
        both = {name: (first.facts.get(name, "not given"), self.facts.get(name, "not given")) for name in names}
        return {name: pair for name, pair in both.items() if pair[0] != pair[1]}


def groups(records: list[tuple[str, ImageRecord]]) -> list[Group]:
    """Group images by settings, engine and version of cellseg.

    Parameters
    ----------
    records : list of (str, cellseg.segmentation.record.ImageRecord)
        Name and record of each image.

    Returns
    -------
    list of Group
        The largest first.
    """
    known = [(usable_settings(model.weights), model.name) for model in shipped_models()]
    shipped = {settings.model_sha256: name for settings, name in known if settings}
    alike: dict[str, tuple[ImageRecord, list[str]]] = {}
    for name, record in records:
        engine = [record.engine.get(name) for name in _ENGINE]
        key = json.dumps([record.settings, engine, record.cellseg], sort_keys=True)
        alike.setdefault(key, (record, []))[1].append(name)
    ordered = sorted(alike.values(), key=lambda pair: -len(pair[1]))
    return [Group(_letter(at), _facts(record, shipped), names) for at, (record, names) in enumerate(ordered)]


def _letter(number):
    return chr(ord("A") + number) if number < 26 else str(number + 1)


def _facts(record, shipped):
    settings = dict(record.settings)
    usage = settings.pop("usage", None)
    values = {**settings, **(usage if isinstance(usage, dict) else {})}
    engine = values.pop("engine", None)
    sha = str(values.get("model_sha256") or "")
    facts = {"model": shipped.get(sha) or record.model or "not said", "threshold": _text(values.pop("threshold", None))}
    if values.get("split", 0) is None:
        values["split"] = "none: touching cells stay one"
    used = {name: value for name, value in values.items() if value not in ([], None) and value is not False}
    facts |= {_TITLES.get(name, name.replace("_", " ")): _text(value) for name, value in used.items()}
    known = {"name", "version", "device"} <= set(record.engine)
    facts["engine"] = in_words(record.engine) if known else _text(engine)
    facts |= {"precision": record.engine["precision"]} if "precision" in record.engine else {}
    facts["cellseg"] = record.cellseg or "not said"
    return facts


def _text(value):
    if value is None:
        return "not given"
    if value is True:
        return "yes"
    return value if isinstance(value, str) else json.dumps(value)
