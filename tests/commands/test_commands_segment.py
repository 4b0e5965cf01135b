"""cellseg segment: from a folder of images to masks, numbered cells and tables, whatever happens on the way."""

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage
from support import ENGINE, ROOT, assert_refused, run_verb, smooth

from cellseg.data.normalisation import normalise
from cellseg.files import make_folder
from cellseg.inference.cleaning import clean
from cellseg.inference.network import predict
from cellseg.locks import only_writer
from cellseg.network import Fcn, deploy_net
from cellseg.segmentation.labelling import renumber
from cellseg.segmentation.measurement import measure
from cellseg.segmentation.splitting import split_touching

pytestmark = pytest.mark.engine

FILES = {".cellseg.json", "labels.tif", "mask.tif", "overlay.png", "thumbnail.jpg", "objects.csv", "image.json"}
OF_ALL = {".cellseg.json", "objects.csv", "summary.csv", "index.html"}


def expected(model, image, threshold=0.5):
    """Labels and cells of the whole image at once."""
    ((probability,),), _ = predict(ENGINE, model.with_name("deploy.prototxt"), model, [normalise(image)])
    labels = split_touching(clean(probability >= threshold, 6, 9), 0.5)
    numbers, cells = renumber([measure(labels, image)])
    return probability, numbers[labels], cells


def segment(model, *arguments, cwd, **options):
    return run_verb("segment", model, *arguments, cwd=cwd, **options)


def rows_of(path):
    with open(str(path), newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_folder_of_images(model, tmp_path):
    (tmp_path / "in").mkdir()
    images = {"a.tif": smooth(70, 91), "b.png": smooth(40, 33, 1), "c.tiff": smooth(64, 64, 2)}
    for name, image in images.items():
        Image.fromarray(image).save(str(tmp_path / "in" / name))
    done = segment(model, "in", "--out", "out", "--probability", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary, objects = rows_of(tmp_path / "out/summary.csv"), rows_of(tmp_path / "out/objects.csv")
    assert [row["image"] for row in summary] == list(images)
    for row, (name, image) in zip(summary, images.items()):
        folder = tmp_path / "out" / name
        assert {path.name for path in folder.iterdir()} == FILES | {"probability.tif"}
        probability, labels, cells = expected(model, image)
        assert len(cells) > 0 and (labels == 0).any()
        found = tifffile.imread(str(folder / "labels.tif"))
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, labels)
        np.testing.assert_array_equal(tifffile.imread(str(folder / "mask.tif")), (labels > 0) * np.uint8(255))
        np.testing.assert_allclose(tifffile.imread(str(folder / "probability.tif")), probability, atol=1e-5)
        assert Image.open(str(folder / "overlay.png")).size == image.shape[::-1]
        mine = [one for one in objects if one["image"] == name]
        assert mine == rows_of(folder / "objects.csv")
        assert [int(one["area"]) for one in mine] == np.bincount(found.ravel())[1:].tolist()
        assert [int(one["label"]) for one in mine] == list(range(1, len(cells) + 1))
        assert [one["max_intensity"] for one in mine] == [str(float(value)) for value in cells["max_intensity"]]
        edge = set(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])) - {0}
        assert {int(one["label"]) for one in mine if one["touches_border"] == "1"} == edge
        assert int(row["count"]) == len(cells) and row["threshold"] == "0.5"
        assert ("covers" in row["warnings"]) == (float(row["covered_fraction"]) > 0.6)
        assert float(row["covered_fraction"]) == pytest.approx((labels > 0).mean(), abs=1e-6)


def test_stack_with_channels_and_pixel_size(model, tmp_path):
    stack = np.stack([[smooth(40, 50, 2 * t + c) for c in range(2)] for t in range(3)])
    tifffile.imwrite(
        str(tmp_path / "a.tif"), stack, imagej=True, resolution=(2.0, 4.0), metadata={"axes": "TCYX", "unit": "um"}
    )
    done = segment(model, "a.tif", "--out", "out", cwd=tmp_path)
    assert done.returncode == 1 and "has 2 channels" in done.stderr
    done = segment(model, "a.tif", "--out", "out", "--channel", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "out/a.tif"
    labels = tifffile.imread(str(folder / "labels.tif"))
    table = rows_of(folder / "objects.csv")
    assert labels.shape == (3, 40, 50)
    for t in range(3):
        np.testing.assert_array_equal(labels[t], expected(model, stack[t, 1])[1])
        mine = [row for row in table if row["T"] == str(t)]
        assert len(mine) == labels[t].max() and {row["page"] for row in mine} == {str(t)}
    first = table[0]
    assert float(first["area_um2"]) == pytest.approx(int(first["area"]) * 0.25 * 0.5)
    assert float(first["centroid_row_um"]) == pytest.approx(float(first["centroid_row"]) * 0.25, abs=1e-3)
    with tifffile.TiffFile(str(folder / "labels.tif")) as file:
        assert file.is_imagej and file.series[0].axes == "TYX"
    assert {path.name for path in folder.glob("overlay*")} == {"overlay-0.png", "overlay-1.png", "overlay-2.png"}


def test_tiles_change_nothing(model, tmp_path):
    image = smooth(300, 260)
    tifffile.imwrite(str(tmp_path / "a.tif"), image, tile=(64, 64))
    assert segment(model, "a.tif", "--out", "out", "--tile", 150, cwd=tmp_path).returncode == 0
    assert json.loads((tmp_path / "out/a.tif/image.json").read_text())["tile"] < 150
    labels = tifffile.imread(str(tmp_path / "out/a.tif/labels.tif"))
    np.testing.assert_array_equal(labels, expected(model, image)[1])


def test_options_take_the_place_of_the_side_file(model, tmp_path):
    bare = tmp_path / "bare.caffemodel"
    bare.write_bytes(model.read_bytes())
    (tmp_path / "deploy.prototxt").write_bytes(model.with_name("deploy.prototxt").read_bytes())
    image = smooth(64, 64)
    Image.fromarray(image).save(str(tmp_path / "a.tif"))
    assert_refused(segment(bare, "a.tif", "--out", "out", cwd=tmp_path), "bare.segmentation.json", "cellseg evaluate")
    assert not (tmp_path / "out").exists()
    given = ["--threshold", 0.4, "--normalisation", "percentile", "--smallest-object", 6, "--largest-hole", 9]
    assert segment(bare, "a.tif", "--out", "out", *given, cwd=tmp_path).returncode == 0
    labels = tifffile.imread(str(tmp_path / "out/a.tif/labels.tif"))
    np.testing.assert_array_equal(labels, expected(model, image, 0.4)[1])
    assert segment(bare, "a.tif", "--out", "whole", *given, "--no-split", cwd=tmp_path).returncode == 0
    whole = tifffile.imread(str(tmp_path / "whole/a.tif/labels.tif"))
    assert whole.max() == ndimage.label(whole > 0, np.ones((3, 3)))[1]
    assert_refused(segment(model, "a.tif", "--out", "out", "--threshold", 2, cwd=tmp_path), "threshold 2.0")


def test_results_that_are_there_are_kept(model, tmp_path):
    for name, seed in (("a.tif", 0), ("b.tif", 1)):
        Image.fromarray(smooth(40, 40, seed)).save(str(tmp_path / name))
    assert segment(model, "a.tif", "--out", "out", cwd=tmp_path).returncode == 0
    before = (tmp_path / "out/a.tif/image.json").stat().st_mtime_ns
    done = segment(model, "a.tif", "b.tif", "--out", "out", cwd=tmp_path)
    assert "1 segmented, 1 kept" in done.stdout and "other settings" not in done.stdout
    assert (tmp_path / "out/a.tif/image.json").stat().st_mtime_ns == before
    assert [row["image"] for row in rows_of(tmp_path / "out/summary.csv")] == ["a.tif", "b.tif"]
    assert {row["image"] for row in rows_of(tmp_path / "out/objects.csv")} == {"a.tif", "b.tif"}
    done = segment(model, "a.tif", "b.tif", "--out", "out", "--threshold", 0.4, cwd=tmp_path)
    assert "2 kept as they are, 2 of them made with other settings" in done.stdout
    done = segment(model, "a.tif", "--out", "out", "--overwrite", cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "out/a.tif/image.json").stat().st_mtime_ns > before


def test_results_of_another_image_are_not_kept(model, tmp_path):
    for folder, seed in (("A", 0), ("B", 1)):
        (tmp_path / folder).mkdir()
        Image.fromarray(smooth(40, 40, seed)).save(tmp_path / folder / "a.tif")
    assert segment(model, "A", "--out", "out", cwd=tmp_path).returncode == 0
    done = segment(model, "B", "--out", "out", cwd=tmp_path)
    assert "1 segmented, 0 kept" in done.stdout
    image = np.array(Image.open(tmp_path / "B/a.tif"))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out/a.tif/labels.tif"), expected(model, image)[1])
    assert "0 segmented, 1 kept" in segment(model, "B", "--out", "out", cwd=tmp_path).stdout
    os.utime(tmp_path / "B/a.tif", ns=(1, 1))
    assert "1 segmented, 0 kept" in segment(model, "B", "--out", "out", cwd=tmp_path).stdout


def test_labels_that_were_corrected_and_tables_that_were_filled_in_are_not_replaced(model, tmp_path):
    Image.fromarray(smooth(40, 40)).save(tmp_path / "a.tif")
    assert segment(model, "a.tif", "--out", "out", cwd=tmp_path).returncode == 0
    before = (tmp_path / "out/a.tif/labels.tif").read_bytes()
    (tmp_path / "out/a.tif/labels.tif").write_bytes(before[::-1])
    done = segment(model, "a.tif", "--out", "out", "--overwrite", cwd=tmp_path)
    assert done.returncode == 1 and "out/a.tif: holds 'labels.tif'" in done.stderr
    assert (tmp_path / "out/a.tif/labels.tif").read_bytes() == before[::-1]
    (tmp_path / "out/summary.csv").write_text("mine")
    assert_refused(segment(model, "a.tif", "--out", "out", cwd=tmp_path), "out/summary.csv: would be replaced")
    assert (tmp_path / "out/summary.csv").read_text() == "mine"


def test_no_link_leads_results_out_of_the_folder(model, tmp_path):
    for folder in ("in/below", "elsewhere", "out"):
        (tmp_path / folder).mkdir(parents=True)
    Image.fromarray(smooth(40, 40)).save(tmp_path / "in/below/a.tif")
    (tmp_path / "out/below").symlink_to("../elsewhere")
    done = segment(model, "in", "--recursive", "--out", "out", cwd=tmp_path)
    assert done.returncode == 1 and "out/below/a.tif: is a link to" in done.stderr, done.stderr
    assert not list((tmp_path / "elsewhere").iterdir())


def test_two_commands_do_not_write_into_one_folder(model, tmp_path):
    Image.fromarray(smooth(40, 40)).save(tmp_path / "a.tif")
    with only_writer(make_folder(tmp_path / "out")):
        assert_refused(segment(model, "a.tif", "--out", "out", cwd=tmp_path), "out: process", os.getpid(), "writes")


def test_results_of_links_stay_in_the_folder_under_the_names_of_the_links(model, tmp_path):
    for folder in ("store", "view"):
        (tmp_path / folder).mkdir()
    for name, seed in (("aaa", 0), ("bbb", 1)):
        Image.fromarray(smooth(40, 40, seed)).save(tmp_path / f"store/MD5-{name}.tif")
    for name, target in (("A", "aaa"), ("A_again", "aaa"), ("B", "bbb")):
        (tmp_path / f"view/{name}.tif").symlink_to(f"../store/MD5-{target}.tif")
    (tmp_path / "view/dangling.tif").symlink_to("gone.tif")
    done = segment(model, "view", "--out", "results/out", cwd=tmp_path)
    assert done.returncode == 1 and "view/dangling.tif: is a link to gone.tif, which does not exist" in done.stderr
    found = {str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("image.json")}
    assert found == {f"results/out/{name}.tif" for name in ("A", "A_again", "B")}
    labels = {name: (tmp_path / f"results/out/{name}.tif/labels.tif").read_bytes() for name in ("A", "A_again", "B")}
    assert labels["A"] == labels["A_again"] != labels["B"]


def test_axes_and_series_are_taken_as_said(model, tmp_path):
    stack = np.stack([smooth(40, 30, seed) for seed in range(2)])
    tifffile.imwrite(tmp_path / "a.tif", stack)
    with tifffile.TiffWriter(tmp_path / "b.tif") as writer:
        writer.write(stack[0, :20])
        writer.write(stack[1])
    assert segment(model, "a.tif", "b.tif", "--out", "guessed", cwd=tmp_path).returncode == 0
    rows = rows_of(tmp_path / "guessed/summary.csv")
    assert rows[0]["planes"] == "2" and "--axes CYX" in rows[0]["warnings"]
    assert rows[1]["height"] == "20" and "--series" in rows[1]["warnings"]
    said = segment(model, "a.tif", "--out", "said", "--axes", "CYX", "--channel", 1, cwd=tmp_path)
    assert said.returncode == 0 and "--axes" not in rows_of(tmp_path / "said/summary.csv")[0]["warnings"]
    assert segment(model, "b.tif", "--out", "said", "--series", 1, cwd=tmp_path).returncode == 0
    for name in ("a.tif", "b.tif"):
        labels = tifffile.imread(tmp_path / "said" / name / "labels.tif")
        np.testing.assert_array_equal(labels, expected(model, stack[1])[1])
    options = json.loads((tmp_path / "said/b.tif/image.json").read_text())["settings"]
    assert options["series"] == 1 and options["axes"] is None


def test_dry_run_writes_nothing(model, tmp_path):
    Image.fromarray(smooth(40, 30)).save(str(tmp_path / "a.tif"))
    done = segment(model, "a.tif", "--out", "out", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0 and "a.tif: 1 plane of 40x30" in done.stdout
    assert not (tmp_path / "out").exists()


def test_a_bad_image_is_reported_and_the_rest_goes_on(model, tmp_path):
    folder = tmp_path / "in"
    (folder / "below").mkdir(parents=True)
    good = smooth(40, 40)
    Image.fromarray(good).save(str(folder / "good.tif"))
    Image.fromarray(smooth(40, 40, 1)).save(str(folder / "below/good.tif"))
    Image.fromarray(np.full((40, 40), 7, np.uint8)).save(str(folder / "constant.png"))
    nan = good.astype(np.float32)
    nan[:3] = np.nan
    tifffile.imwrite(str(folder / "nan.tif"), nan)
    tifffile.imwrite(str(folder / "complex.tif"), nan.astype(np.complex64))
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(str(folder / "colour.png"))
    (folder / "truncated.tif").write_bytes((folder / "good.tif").read_bytes()[:-500])
    (folder / "empty.png").write_bytes(b"")
    (folder / os.fsdecode(b"\xff.tif")).write_bytes((folder / "good.tif").read_bytes())
    done = segment(model, "in", "--out", "out", "--recursive", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    errors = done.stderr.strip().splitlines()
    assert len(errors) == 5 and all(line.startswith("error: in/") for line in errors)
    for name in ("complex.tif", "colour.png", "truncated.tif", "empty.png", r"\udcff.tif"):
        assert any(name in line for line in errors) and not (tmp_path / "out" / name).exists()
    summary = {row["image"]: row for row in rows_of(tmp_path / "out/summary.csv")}
    assert summary["constant.png"]["count"] == "0" and "no contrast" in summary["constant.png"]["warnings"]
    assert int(summary["nan.tif"]["count"]) > 0
    assert "7.50% of the pixels are NaN" in summary["nan.tif"]["warnings"]
    assert not tifffile.imread(tmp_path / "out/nan.tif/mask.tif")[:3].any()
    assert int(summary["good.tif"]["count"]) > 0 and int(summary["below/good.tif"]["count"]) > 0
    for name in ("good.tif", "below/good.tif"):
        image = np.array(Image.open(str(folder / name)))
        np.testing.assert_array_equal(
            tifffile.imread(str(tmp_path / "out" / name / "labels.tif")), expected(model, image)[1]
        )


def test_refused_at_once(model, tmp_path):
    (tmp_path / "in").mkdir()
    assert_refused(segment(model, "in", "--out", "out", cwd=tmp_path), "in: no image here")
    assert_refused(segment(model, "none", "--out", "out", cwd=tmp_path), "none: no such file")
    assert_refused(segment("none.caffemodel", "in", "--out", "out", cwd=tmp_path), "none.caffemodel: no such file")
    Image.fromarray(smooth(40, 40)).save(str(tmp_path / "in/a.tif"))
    assert_refused(segment(model, "in", "--out", "out", "--workers", 0, cwd=tmp_path), "--workers")
    other = tmp_path / "other.prototxt"
    other.write_text(deploy_net(Fcn(features=8), "net", 32, 32))
    done = segment(model, "in", "--out", "out", "--deploy", other, cwd=tmp_path)
    assert_refused(done, "conv1")


def test_what_is_no_result_is_not_replaced(model, tmp_path):
    Image.fromarray(smooth(40, 40)).save(str(tmp_path / "a.tif"))
    (tmp_path / "out/a.tif").mkdir(parents=True)
    (tmp_path / "out/a.tif/notes.txt").write_text("mine")
    done = segment(model, "a.tif", "--out", "out", "--overwrite", cwd=tmp_path)
    assert done.returncode == 1 and "holds 'notes.txt'" in done.stderr
    assert (tmp_path / "out/a.tif/notes.txt").read_text() == "mine"
    done = segment(model, "a.tif", "--out", ".", cwd=tmp_path)
    assert done.returncode == 1 and "is a file" in done.stderr


def same_results(one, other):
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    for path in files:
        if path.name not in (".cellseg.json", "image.json", "summary.csv", "index.html"):  # with seconds, names
            assert (one / path).read_bytes() == (other / path).read_bytes(), path
    for row, again in zip(rows_of(one / "summary.csv"), rows_of(other / "summary.csv")):
        assert {**row, "seconds": ""} == {**again, "seconds": ""}


@pytest.fixture
def ten(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(10):
        tifffile.imwrite(str(tmp_path / f"in/{number}.tif"), smooth(120 + 8 * number, 130, number))
    return tmp_path


def test_several_workers_write_the_same(model, ten):
    for workers in (1, 3):
        done = segment(model, "in", "--out", f"by-{workers}", "--workers", workers, cwd=ten)
        assert done.returncode == 0, done.stderr
    same_results(ten / "by-1", ten / "by-3")


def started(model, *arguments, cwd, **options):
    command = [sys.executable, str(ROOT / "tools/segment.py"), *map(str, [model, *arguments])]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=str(cwd), stdout=pipe, stderr=pipe, universal_newlines=True, **options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_interrupted_it_leaves_whole_results_only(model, tmp_path, number):
    (tmp_path / "in").mkdir()
    for name in "abcdefgh":
        tifffile.imwrite(str(tmp_path / f"in/{name}.tif"), smooth(700, 700))
    process = started(model, "in", "--out", "out", cwd=tmp_path)
    while not list(tmp_path.glob("out/*/image.json")):
        assert process.poll() is None and not time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2 and errors.strip() == "interrupted"
    left = list((tmp_path / "out").iterdir())
    folders = [path for path in left if path.is_dir()]
    assert 0 < len(folders) < 8 and all({file.name for file in path.iterdir()} == FILES for path in folders)
    assert {path.name for path in left if not path.is_dir()} == OF_ALL
    assert [row["image"] for row in rows_of(tmp_path / "out/summary.csv")] == sorted(path.name for path in folders)
    assert segment(model, "in", "--out", "out", cwd=tmp_path).returncode == 0
    assert len(rows_of(tmp_path / "out/summary.csv")) == 8


def test_a_worker_that_dies_costs_its_image_only(model, ten):
    """The process of an image is killed, as the system does where memory is short."""
    (ten / "killer.py").write_text(
        "import os\n"
        "from cellseg.segmentation import pool\n"
        "def do(job, settings):\n"
        "    return os.kill(os.getpid(), 9) if '4' in job.name else pool._do(job, settings)\n"
    )
    script = (
        "import sys\n"
        "from cellseg.commands import main\n"
        "from cellseg.segmentation import pool\n"
        "import killer\n"
        "pool._do = killer.do\n"
        "sys.exit(main(['segment', *sys.argv[1:]]))\n"
    )
    command = [sys.executable, "-c", script, str(model), "in", "--out", "out"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, cwd=str(ten), capture_output=True, text=True, env=environment)
    assert done.returncode == 1, done.stderr
    assert done.stderr.strip() == "error: in/4.tif: the child process was ended by signal 9 (out of memory?)"
    assert {path.name for path in (ten / "out").glob("*.tif")} == {f"{number}.tif" for number in range(10)} - {"4.tif"}


def test_files_that_cannot_be_written_are_reported(model, tmp_path):
    tifffile.imwrite(str(tmp_path / "a.tif"), smooth(600, 600))
    small = 100 * 1024

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (small, small))

    process = started(model, "a.tif", "--out", "out", cwd=tmp_path, preexec_fn=limit)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and errors.startswith("error: ") and "cannot be written (File too large)" in errors
    assert len(errors.strip().splitlines()) == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == OF_ALL


def test_ome_zarr_in_and_out(model, tmp_path):
    zarr = pytest.importorskip("zarr")
    image = smooth(90, 70)
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [0.5, 0.25]}]}]
    plate = {"plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}]}}
    zarr.open_group(str(tmp_path / "p.zarr"), mode="w", zarr_format=2).attrs.update(plate)
    for well in ("A/1", "B/2"):
        group = zarr.open_group(str(tmp_path / "p.zarr" / well), mode="w", zarr_format=2)
        group.attrs["well"] = {"images": [{"path": "0"}]}
        field = group.create_group("0")
        field.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
        field.create_array("0", shape=image.shape, chunks=(32, 32), dtype=image.dtype)[...] = image
    done = segment(model, "p.zarr", "--out", "out", "--ome-zarr", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = [row["image"] for row in rows_of(tmp_path / "out/summary.csv")]
    assert names == ["p.zarr/A/1/0", "p.zarr/B/2/0"]
    written = zarr.open_group(str(tmp_path / "out" / names[0] / "image.ome.zarr"), mode="r")
    assert written["labels"].attrs["labels"] == ["cells"]
    labels = written["labels/cells"]
    (about,) = labels.attrs["multiscales"]
    assert about["datasets"][0]["coordinateTransformations"] == [{"type": "scale", "scale": [0.5, 0.25]}]
    np.testing.assert_array_equal(labels["0"][...], expected(model, image)[1])
    np.testing.assert_array_equal(written["0"][...], image)


def test_dask_writes_the_same_though_a_worker_is_killed(shipped, ten, monkeypatch):
    distributed = pytest.importorskip("distributed")
    stack = np.stack([smooth(300, 400, seed) // (seed + 1) for seed in range(2)])
    tifffile.imwrite(ten / "in/large.tif", stack, metadata={"axes": "ZYX"}, photometric="minisblack")
    model, given = shipped / "model.caffemodel", ["--diameter", "15", "--scale-over", "image"]
    assert segment(model, "in", "--out", "serial", "--tile", 200, *given, cwd=ten).returncode == 0
    scales = [plane["scale"] for plane in json.loads((ten / "serial/large.tif/image.json").read_text())["planes"]]
    assert scales[0] == scales[1]
    script = (
        "import sys\n"
        "from cellseg.segmentation import cluster\n"
        "from cellseg.commands import main\n"
        "cluster.LARGE = 100000\n"  # so that an image is more than one task
        "sys.exit(main(['segment', *sys.argv[1:]]))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    quiet = {"dashboard_address": None, "silence_logs": "ERROR"}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **quiet) as cluster:
        options = ["--out", "out", "--tile", "200", *given, "--dask", cluster.scheduler_address]
        command = [sys.executable, "-c", script, str(model), "in", *options]
        process = subprocess.Popen(command, cwd=ten, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not list(ten.glob("out/*/image.json")):
            assert process.poll() is None and not time.sleep(0.01)
        os.kill(cluster.workers[0].pid, signal.SIGKILL)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "11 segmented, 0 kept, 0 failed" in output
    same_results(ten / "serial", ten / "out")


def test_the_installed_command(model, tmp_path):
    def cellseg(*arguments):
        command = [sys.executable, "-m", "cellseg", *map(str, arguments)]
        return subprocess.run(command, cwd=str(ROOT), capture_output=True, text=True)

    assert_refused(cellseg("sharpen"), "sharpen", "segment")
    assert_refused(
        cellseg("segment", "none.caffemodel", tmp_path, "--out", tmp_path / "out"), "none.caffemodel: no such"
    )
    assert "segment" in cellseg("--help").stdout
    Image.fromarray(smooth(40, 40)).save(str(tmp_path / "a.tif"))
    done = cellseg("segment", model, tmp_path / "a.tif", "--out", tmp_path / "out")
    assert done.returncode == 0 and (tmp_path / "out/a.tif/labels.tif").exists()
