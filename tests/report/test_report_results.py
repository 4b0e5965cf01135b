"""The page over a folder of results: what it says, what it says of damage, and what it does not replace."""

import csv
import html.parser
import json
import re
import shutil

import numpy as np
import pytest
from support import assert_refused, run_verb

from cellseg.report.results.cells import choose_bins
from cellseg.report.results.page import render
from cellseg.report.results.read import read_results
from cellseg.report.results.settings import groups

pytestmark = pytest.mark.engine


@pytest.fixture
def copy(results, tmp_path):
    """A copy of the results, to be damaged."""
    return shutil.copytree(results, tmp_path / "out")


def rewritten(copy):
    """The page after ``cellseg report``."""
    done = run_verb("report", "out", cwd=copy.parent)
    assert done.returncode == 0 and done.stdout.strip() == "out/index.html", done.stderr
    return (copy / "index.html").read_text(encoding="utf-8")


def cards(page):
    """The text of each image's card by the image's name, in the page's order."""
    shown = {}
    for card in re.findall(r"<article.*?</article>", page, re.DOTALL):
        text = html.unescape(re.sub(r"<[^>]*>", "", card))
        shown[html.unescape(re.search("<bdi>(.*?)</bdi>", card)[1])] = " ".join(text.split())
    return shown


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_segment_ends_with_the_page_and_report_writes_it_again(results, copy):
    first = (results / "index.html").read_text(encoding="utf-8")
    shown = cards(first)
    assert list(shown)[:2] == ["broken.tif", "flat.png"] and len(shown) == 5
    assert "cannot be read as an image" in shown["broken.tif"] and "no contrast" in shown["flat.png"]
    with open(results / "summary.csv", newline="", encoding="utf-8") as stream:
        rows = {row["image"]: row for row in csv.DictReader(stream)}
    assert list(rows) == [image["name"] for image in data_of(first)["images"]]
    for name in set(rows) - {"broken.tif"}:
        assert f"{rows[name]['count']} cells" in shown[name], shown[name]
        assert f"{100 * float(rows[name]['covered_fraction']):.1f} % covered" in shown[name]
    assert "2 planes" in shown["stack.tif"] and rows["good.png"]["count"] == "3"
    with open(results / "objects.csv", newline="", encoding="utf-8") as stream:
        areas = [float(row["area"]) for row in csv.DictReader(stream)]
    area, _ = data_of(first)["measures"]
    assert sum(area["counts"]) == len(areas) and area["median"] == pytest.approx(np.median(areas))
    assert "<dd>nuclei</dd>" in first and "Not all images were segmented alike" not in first
    (copy / "index.html").unlink()
    assert rewritten(copy) == first


def test_names_are_text_whatever_they_hold(results):
    class Tags(html.parser.HTMLParser):
        found = []

        def handle_starttag(self, tag, attributes):
            self.found += [(tag, name) for name, _ in attributes]
            self.found += [(tag, None)]

    reader = Tags()
    reader.feed((results / "index.html").read_text(encoding="utf-8"))
    assert reader.found.count(("script", None)) == 2
    assert not any((name or "").startswith("on") or name == "q" for _, name in reader.found)


def test_damage_is_named_in_a_line_and_the_page_is_made(copy, tmp_path):
    (copy / "good.png/overlay.png").unlink()
    assert list(cards(render(copy)))[:3] == ["broken.tif", "good.png", "flat.png"]  # failed, damaged, doubtful
    (copy / "stack.tif/overlay-1.png").unlink()
    (copy / "stack.tif/thumbnail.jpg").unlink()  # made again from the first overlay
    (copy / "flat.png/image.json").write_text('{"summary": ')
    for name in ("columns", "rows", "text", "picture"):
        shutil.copytree(copy / "good.png", copy / name)
    table = (copy / "good.png/objects.csv").read_text()
    (copy / "columns/objects.csv").write_text(table.replace("area,", "aera,", 1))
    (copy / "rows/objects.csv").write_text("".join(table.splitlines(keepends=True)[:-1]))
    (copy / "text/objects.csv").write_bytes(table.encode() + b"\xff\n")
    (copy / "picture/thumbnail.jpg").write_bytes(b"no picture")
    with open(copy / "summary.csv", "a") as stream:
        stream.writelines(f"{name},,,,,,,,,,,\n" for name in ("columns", "rows", "text", "picture", "gone", "../out/x"))
    shown = cards(rewritten(copy))
    assert len(shown) == 11 and list(shown).index("good.png") < list(shown).index("picture")
    expected = {
        "good.png": ["good.png/overlay.png: missing"],
        "stack.tif": ["stack.tif/overlay-1.png: missing"],
        "flat.png": ["flat.png/image.json"],
        "columns": ["columns/objects.csv: has no column 'area'", "overlay.png: missing"],
        "rows": ["holds 2 cells, and image.json says 3"],
        "text": ["text/objects.csv: not the table that it should be"],
        "picture": ["picture/overlay.png: missing"],
        "gone": ["out/gone: holds no results"],
        "../out/x": ["leads out of the folder"],
    }
    for name, lines in expected.items():
        for line in lines:
            assert line in shown[name], shown[name]
    small = {image.name: image.thumbnail for image in read_results(copy)[0]}
    assert small["stack.tif"] and small["good.png"] and not small["picture"] and not small["gone"]


def test_without_the_list_of_images_those_that_lie_there_are_shown(copy):
    (copy / "summary.csv").write_text("these,are,other\ncolumns,than,those\n")
    page = rewritten(copy)
    assert "No list of images" in page and "its columns are others" in page
    assert len(cards(page)) == 4
    (copy / "summary.csv").unlink()
    assert len(cards(rewritten(copy))) == 4


def test_images_of_other_settings_are_told(copy):
    path = copy / "good.png/image.json"
    record = json.loads(path.read_text())
    record["settings"]["usage"]["threshold"] = 0.25
    record["engine"]["threads"] += 1  # which makes no other result
    path.write_text(json.dumps(record))
    page = rewritten(copy)
    assert "Not all images were segmented alike" in page and "settings B" in cards(page)["good.png"]
    images, _ = read_results(copy)
    first, other = groups([(image.name, image.record) for image in images if image.record])
    assert len(first.images) == 3 and other.images == ["good.png"]
    assert other.other_than(first) == {"threshold": ("0.5", "0.25")}


def test_what_is_no_page_of_results_is_not_replaced(copy):
    (copy / "index.html").write_text("<html>mine")
    done = run_verb("segment", copy / "good.png/overlay.png", "--out", "out", "--channel", "0", cwd=copy.parent)
    assert_refused(done, "out/index.html: would be replaced")
    assert_refused(run_verb("report", "out", cwd=copy.parent), "out/index.html: would be replaced")
    assert (copy / "index.html").read_text() == "<html>mine"
    assert_refused(run_verb("report", "out", "--out", "there", cwd=copy.parent), "leave out --out there")


@pytest.mark.parametrize(
    "values", [[7.0], [0, 0, 0], [15, 16, 18, 20], [-3.5, 0.25, 9], list(range(1000)) + [10**9], [1e-30, 3e30]]
)
def test_bins_hold_every_value_once(values):
    values = np.array(values, float)
    bins = choose_bins(values)
    counts = bins.count(values)
    assert sum(counts) == len(values) and len(counts) == bins.number <= 32
    assert counts[0] >= (values < bins.start + bins.width * 0.999).sum()
    if (values == np.rint(values)).all():
        assert bins.width >= 1 and bins.width == round(bins.width)
