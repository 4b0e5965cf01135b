"""The page: what it says is in the records, it needs nothing else, and it replaces nothing but an earlier one."""

import json
import re

import pytest
from support import assert_refused, run_verb

from cellseg.errors import CellsegError
from cellseg.network import Fcn, UNet
from cellseg.report import style
from cellseg.report.page import write_report


@pytest.fixture
def quick(monkeypatch):
    """Pictures that are there, but empty: drawing takes most of the time."""
    svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"

    def save(draw, folder, name, dark=True):
        files = [folder / f"{name}{end}" for end in (".png", ".svg", "-dark.svg")]
        for file in files:
            file.write_text(svg)
        return style.Picture(name=name, png=files[0], svg=files[1], dark_svg=files[2])

    monkeypatch.setattr(style, "save", save)


def text_of(path):
    """The words of a page, without its pictures, on one line."""
    words = re.sub(r"<style>.*?</style>|<[^>]*>", " ", path.read_text(encoding="utf-8"), flags=re.S)
    return re.sub(r"\s+", " ", words).replace(" .", ".").replace(" ,", ",")


def mcc(folder, place="finetune"):
    return json.loads((folder / place / "evaluation.json").read_text())["mcc"]


def test_the_page_says_what_the_records_say(make_experiment, quick):
    runs = make_experiment(network=Fcn())
    page = text_of(write_report(runs, runs / "report"))
    before, after, honest = mcc(runs, "pretrain/before"), mcc(runs), mcc(runs, "finetune/honest")
    assert f"Fine-tuning lifts the MCC from {before:.3f} to {after:.3f} (the report: 0.50 to 0.74)" in page
    methods = json.loads((runs / "finetune" / "honest" / "evaluation.json").read_text())["methods"]
    assert f"changes from {honest:.3f} to {methods['cleaned']['mcc']:.3f}" in page
    assert "1 365 282 trainable parameters" in page
    for caption in [f"Figure {number}" for number in range(6, 12)] + ["Table 1"]:
        assert f"{caption}." in page or f"{caption}a." in page, caption
    for fact in ("cellseg train finetune --seed 0", "0123456789abcdef", "cd" * 32, "2 min 6 s", "PyTorch 2.13"):
        assert fact in page, fact


def test_a_fall_is_called_one(make_experiment, change, quick):
    runs = make_experiment(evaluations=("before", "after"))
    change(runs / "finetune" / "evaluation.json", mcc=0.1)
    assert "Fine-tuning lowers the MCC" in text_of(write_report(runs, runs / "report"))


def test_the_page_needs_nothing_else(make_experiment, quick):
    runs = make_experiment()
    out = runs / "report"
    page = write_report(runs, out).read_text(encoding="utf-8")
    assert "<script" not in page and "http:" not in page and "https:" not in page
    sources = re.findall(r'(?:src|srcset)="([^"]*)"', page)
    assert len(sources) >= 14 and all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    links = [link for link in re.findall(r'href="([^"#][^"]*)"', page) if not link.startswith("data:")]
    assert len(links) >= 14 and all((out / link).is_file() for link in links)
    assert {path.suffix for path in (out / "figures").iterdir()} == {".png", ".svg"}


def test_names_of_files_are_shown_as_they_are(make_experiment, quick):
    runs = make_experiment()
    page = write_report(runs, runs / "report").read_text(encoding="utf-8")
    assert "cell &lt;0&gt;.png" in page and "cell <0>" not in page and "a &amp; &lt;b&gt;.png" in page


def test_a_stand_in_is_named_before_all_else(make_experiment, quick):
    runs = make_experiment(stand_in=True)
    page = text_of(write_report(runs, runs / "report"))
    assert "simulated ones; give real ones with REAL=" in page.partition("Fine-tuning")[0]
    runs = make_experiment("real")
    assert "Stand-in" not in text_of(write_report(runs, runs / "report"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"stages": ("pretrain",), "evaluations": ("before",)},
            ["experiment finetune --real", "There are no outputs"],
        ),
        ({"stages": ("pretrain",), "evaluations": ()}, ["experiment before --real", "No network has been evaluated"]),
        ({"stages": ("finetune",)}, ["experiment pretrain", "After training on the target images"]),
        ({"evaluations": ("before",)}, ["finetune/finetune.caffemodel --split train --out"]),
        ({"evaluations": ("after",)}, ["pretrain/pretrain.caffemodel --out", "experiment before --real"]),
        ({}, ["experiment seeds", "experiment ablation", "--recipe best", "--recipe unet", "One seed only"]),
    ],
)
def test_what_is_missing_comes_with_its_command(make_experiment, quick, options, says):
    runs = make_experiment(**options)
    page = text_of(write_report(runs, runs / "report"))
    for words in says:
        assert words in page, words


def test_what_is_there_is_not_asked_for(tmp_path, make_experiment, quick):
    for seed in range(2):
        make_experiment(f"seed-{seed}", seed=seed)
    make_experiment("best", recipe="best", network=UNet())
    make_experiment("unet", recipe="unet", network=UNet(features=8), stages=("finetune",))
    make_experiment("ablation/kernel-5", network=Fcn(kernel=5))
    page = text_of(write_report(tmp_path / "runs", tmp_path / "out"))
    assert "cellseg experiment" not in page and "cellseg evaluate" not in page
    assert "The recipe best" in page and "the plain U-Net (features 8)" in page and "kernel-5 (kernel 5)" in page
    assert "has a standard deviation of" in page


def test_old_records_still_make_a_page(make_experiment, quick):
    runs = make_experiment()
    for path in runs.rglob("evaluation.json"):
        record = json.loads(path.read_text())
        for key in ("methods", "settings", "per_image", "median_mcc", "recipe", "seed", "orientations"):
            del record[key]
        path.write_text(json.dumps(record))
        (path.parent / "predictions.h5").unlink()
    page = text_of(write_report(runs, runs / "report"))
    assert f"{mcc(runs):.3f}" in page and "cellseg evaluate" in page


def test_a_page_replaces_an_earlier_one_and_nothing_else(tmp_path, make_experiment, quick):
    runs = make_experiment(evaluations=("after",))
    out = tmp_path / "out"
    page = write_report(runs, out)
    (out / "figures" / "mine.png").write_text("mine")
    with pytest.raises(CellsegError, match="holds 'figures/mine.png'"):
        write_report(runs, out)
    (out / "figures" / "mine.png").unlink()
    assert write_report(runs, out) == page
    before = page.read_bytes()
    (runs / "finetune" / "predictions.h5").write_bytes(b"damaged")
    with pytest.raises(CellsegError, match="predictions.h5"):
        write_report(runs, out)
    assert page.read_bytes() == before and {path.name for path in tmp_path.iterdir()} == {"runs", "out"}
    (out / "notes.txt").write_text("mine")
    with pytest.raises(CellsegError, match="notes.txt"):
        write_report(runs, out)
    assert (out / "notes.txt").exists()


def test_predictions_of_another_evaluation_are_refused(make_experiment, quick):
    runs = make_experiment()
    (runs / "finetune" / "predictions.h5").write_bytes(
        (runs / "pretrain" / "simulated" / "predictions.h5").read_bytes()
    )
    with pytest.raises(CellsegError, match="another evaluation"):
        write_report(runs, runs / "report")


def test_the_tool_ends_with_the_page(tmp_path, make_experiment, change):
    runs = make_experiment()
    change(runs / "pretrain" / "run.json", status="interrupted")
    done = run_verb("report", "runs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.splitlines()[-1] == "runs/report/report.html" and (tmp_path / "runs/report/report.html").is_file()
    )
    assert "pretrain is left out: it is not finished (interrupted)" in done.stderr
    assert_refused(run_verb("report", "nothing", cwd=tmp_path), "nothing", "no such folder")
