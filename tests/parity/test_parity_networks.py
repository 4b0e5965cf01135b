"""Whole networks that are not ours, at odd sizes: names and shapes, forward and backward, of both engines.

Real Caffe runs with two kernels of its BLAS, which round differently.
"""

import networks
import numpy as np
import pytest
from engines import run
from steps import CAFFE, Steps

pytestmark = pytest.mark.long

NETWORKS = {
    "FCN-8s 37x45": (networks.fcn8s(37, 45), [*range(21), 255]),
    "FCN-8s 101x53": (networks.fcn8s(101, 53), [*range(21), 255]),
    "U-Net 189x203": (networks.unet(189, 203), [0, 1]),
    "U-Net of two levels 61x47": (networks.unet(61, 47, depth=2), [0, 1]),
    "FCRN-B 37x45": (networks.fcrn_b(37, 45), None),
    "FCRN-B 101x53": (networks.fcrn_b(101, 53), None),
    "dilated 37x45": (networks.dilated(37, 45), [0, 1, 2, 3]),
    "normalised U-Net 36x44": (networks.normalised_unet(36, 44), [0, 1]),
}
#: What the engine computes as one in the last of them, by phase.
_UPSAMPLED, _NORM = ("Deconvolution", "Concat", "Convolution"), ("BatchNorm", "Scale")
AS_ONE = {"TRAIN": {_UPSAMPLED, _NORM}, "TEST": {("Convolution", *_NORM), (*_UPSAMPLED, *_NORM)}}
PHASES = {"TRAIN": 0, "TEST": 1}
#: None: the kernel that the environment names, else the best for this processor. Prescott's runs on all of them.
KERNELS = {"this processor's kernel": None, "Prescott's kernel": "Prescott"}


@pytest.fixture(scope="module", params=KERNELS.values(), ids=KERNELS)
def caffes(request, reference, tmp_path_factory):
    """A folder with what real Caffe found for each network and phase that is asked for."""
    folder = tmp_path_factory.mktemp("caffe")
    items = [item for item in request.session.items if "caffes" in getattr(item, "fixturenames", ())]
    asked = {(item.callspec.params["name"], item.callspec.params["phase"]) for item in items}
    cases = {
        f"{name} {phase}": (text, len(name), number, classes)
        for name, (text, classes) in NETWORKS.items()
        for phase, number in PHASES.items()
        if (name, phase) in asked
    }
    with pytest.MonkeyPatch.context() as patch:
        if request.param:
            patch.setenv("OPENBLAS_CORETYPE", request.param)
        run(reference, folder, CAFFE, cases=cases)
    return folder


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", NETWORKS)
def test_forward_and_backward(caffes, tmp_path, name, phase):
    (tmp_path / "net.prototxt").write_text(NETWORKS[name][0])
    with np.load(caffes / f"{name} {phase}.npz") as arrays:
        steps = Steps(tmp_path / "net.prototxt", dict(arrays), len(name), PHASES[phase])
    steps.compare_all()
    print(f"{name}: {steps.compared} numbers are equal but for rounding")
    for kind, (part, where) in steps.worst.items():
        print(f"{kind}: at most {part:.2f} of what rounding explains ({where})")
    assert set(steps.worst) >= {"values of one layer", "values of a whole pass"}
    assert PHASES[phase] or set(steps.worst) >= {"gradients of one layer", "gradients of a whole pass"}
    assert not name.startswith("normalised") or set(steps.fused) == AS_ONE[phase]
