"""The package for the BioImage Model Zoo: what it says, that it opens, and that it predicts what cellseg predicts."""

import json
import socket
import zipfile

import numpy as np
import pytest
import support
from support import run_verb

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("torch")
pytest.importorskip("bioimageio.core")

from bioimageio import core
from bioimageio.core.digest_spec import create_sample_for_model
from bioimageio.spec import load_model_description
from PIL import Image
from random_models import make
from scipy import ndimage

from cellseg.data.normalisation import Grey, measure, normalise
from cellseg.errors import CellsegError
from cellseg.export import description, package
from cellseg.export.card import read_card
from cellseg.export.description import Order
from cellseg.export.export import export
from cellseg.files import sha256
from cellseg.inference.network import predict
from cellseg.network import CellUNet, Fcn, UNet, deploy_net

try:
    description.check_libraries()
except CellsegError as error:
    pytest.skip(str(error), allow_module_level=True)

NETS = {
    "percentile": Fcn(features=4),
    "root": UNet(features=4),
    "floor": CellUNet(features=4),
    "standard": Fcn(poolings=2, features=4),
}
HALO = {"percentile": 40, "root": 64, "floor": 64, "standard": 16}
DIMS = ("batch", "channel", "y", "x")
ORDER = Order("a tiny net", ["Ada Lovelace", "Grace Hopper"], "MIT")


def run_record(rule, **more):
    """A ``run.json`` with what the export asks for."""
    data = {"folder": "/home/somebody/data", "kind": "real"}
    variant = {"network": NETS[rule].NAME}
    record = {
        "data": data,
        "variant": variant,
        "normalisation": rule,
        "recipe": "mine",
        "started": "2026-01-02T03:04:05+00:00",
    }
    return json.dumps(support.run_record(**{**record, **more}))


@pytest.fixture(params=NETS)
def exported(request, tmp_path, monkeypatch):
    """A model of each rule and its package, made without network: rule, model, deploy net and the export's folder."""

    def refuse(*_):
        raise AssertionError("the network was asked")

    rule = request.param
    monkeypatch.setattr(socket.socket, "connect", refuse)
    deploy, model = make(tmp_path, deploy_net(NETS[rule], "net", 32, 32))
    (tmp_path / "run.json").write_text(run_record(rule))
    done = export(model, deploy, tmp_path / "out", ORDER, read_card(model), "torch")
    assert done.verdict == "passed" and 0 < done.package_difference <= 1e-5
    return rule, model, deploy, tmp_path / "out"


def test_it_says_what_it_is_and_predicts_what_cellseg_predicts(exported):
    rule, model, deploy, out = exported
    assert sorted(path.name for path in out.iterdir()) == [".cellseg.json", "a_tiny_net.zip", "model.onnx", "package"]
    described = load_model_description(out / "a_tiny_net.zip")
    names = {*map(str, (description.RDF, description.WEIGHTS, description.README, description.COVER))}
    names |= {"test_input.npy", "test_output.npy", *(["test_output_distance.npy"] if rule == "floor" else [])}
    assert set(zipfile.ZipFile(out / "a_tiny_net.zip").namelist()) == names
    assert [author.name for author in described.authors] == ORDER.authors and described.license == "MIT"
    stride, axis = 2 ** NETS[rule].poolings, described.inputs[0].axes[-1]
    assert (axis.size.step, axis.size.min) == (stride, 2 * HALO[rule] + stride)
    assert described.outputs[0].axes[-1].halo == HALO[rule]
    assert {"nuclei", "cellseg"} <= set(described.tags)
    said = described.config.model_dump()["cellseg"]
    assert (said["threshold"], said["recipe"], said["normalisation"]) == (0.5, "mine", rule)
    readme = (out / "package" / "README.md").read_text()
    assert "## Validation" in readme and "square root" in readme if rule in ("root", "floor") else "root" not in readme
    assert "somebody" not in readme and "epochs: 3" in readme
    with Image.open(out / "package" / "cover.png") as cover:
        assert cover.size == (512, 256) and np.ptp(np.asarray(cover)[:, 256:]) > 0

    rng = np.random.RandomState(5)
    image = ndimage.gaussian_filter(rng.gamma(2, 900, (200, 216)) + 300, 8).round().astype(np.float32)
    assert measure(Grey(image), "floor").span == measure(Grey(image), "root").span  # the format knows no noise
    with core.create_prediction_pipeline(described) as pipeline:
        sample = create_sample_for_model(described, inputs={"image": image[None, None]})
        whole = {"skip_input_padding": True, "skip_output_cropping": True}
        found = pipeline.predict_sample_without_blocking(sample, **whole).members
    (maps,), _ = predict("torch", deploy, model, [normalise(image, rule)])
    assert set(found) == {"probability", *(["distance"] if len(maps) > 1 else [])}
    for name, expected in zip(found, maps):
        assert found[name].data.shape == (1, 1, 200, 216) and np.ptp(expected) > 0.01
        np.testing.assert_allclose(found[name].data.values[0, 0], expected, atol=1e-4)

    odd = image[:177, :181]
    tiled = core.predict(model=described, inputs={"image": core.Tensor(odd[None, None], DIMS)}, blocksize_parameter=1)
    ((expected, *_),), _ = predict("torch", deploy, model, [normalise(odd, rule)])
    inside = (slice(HALO[rule], -HALO[rule]),) * 2
    found = tiled.members["probability"].data.values[0, 0]
    assert found.shape == odd.shape
    np.testing.assert_allclose(found[inside], expected[inside], atol=1e-4)


def test_a_package_that_does_not_give_its_own_output_fails_its_test(tmp_path):
    deploy, model = make(tmp_path, deploy_net(NETS["percentile"], "net", 32, 32))
    export(model, deploy, tmp_path / "out", ORDER, read_card(model, "unchanged"), "torch")
    output, rdf = (tmp_path / "out" / "package" / name for name in ("test_output.npy", "rdf.yaml"))
    assert "nuclei" not in rdf.read_text()  # no record tells what it was trained on
    assert "no record says on what it was trained" in (output.parent / "README.md").read_text()
    before = sha256(output)
    np.save(output, np.load(output) + 0.1)
    for text, words in ((rdf.read_text(), "failed"), (rdf.read_text().replace(before, sha256(output)), "disagree")):
        rdf.write_text(text)
        package.pack(output.parent, tmp_path / "changed.zip")
        with pytest.raises(CellsegError, match=f"bioimageio.core's test of the package: .*{words}"):
            package.test(tmp_path / "changed.zip")


def test_the_tool_writes_the_same_package_as_the_library(tmp_path):
    deploy, model = make(tmp_path, deploy_net(NETS["root"], "unet_small", 32, 32))
    (tmp_path / "run.json").write_text(run_record("root"))
    done = run_verb("export", "net.caffemodel", "--out", "out", "--author", "Ada Lovelace", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and "bioimageio.core's test: passed" in done.stdout
    order = Order("cellseg_unet_small", ["Ada Lovelace"], "CC0-1.0")
    export(model, deploy, tmp_path / "again", order, read_card(model), "torch")
    first, second = (zipfile.ZipFile(tmp_path / out / "cellseg_unet_small.zip") for out in ("out", "again"))
    assert first.namelist() == second.namelist()
    for name in ("weights.onnx", "test_input.npy", "README.md"):  # outputs may differ in the last bit
        assert first.read(name) == second.read(name)
    package.pack(tmp_path / "again" / "package", tmp_path / "packed.zip")
    assert (tmp_path / "packed.zip").read_bytes() == (tmp_path / "again" / "cellseg_unet_small.zip").read_bytes()
