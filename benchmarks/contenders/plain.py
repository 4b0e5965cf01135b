"""The networks as one writes them by hand in PyTorch today, as fast as that goes without contortions."""

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from benchmarks.contenders import IMAGES, PATCHES, SOLVER, WEIGHTS
from cellseg.engine.prototxt import read_solver
from cellseg.engine.weights import read_weights


class Net(nn.Module):
    """FCRN-A with a two-class head; images (N, 1, H, W) in, scores (N, 2, H, W) out."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = _convolution(1, 32), _convolution(32, 64)
        self.conv3, self.conv4 = _convolution(64, 128), _convolution(128, 512)
        self.unconv1, self.unconv2 = _convolution(512, 128), _convolution(128, 64)
        self.unconv3, self.score = _convolution(64, 32), nn.Conv2d(32, 2, 1)

    def forward(self, x):
        """Scores."""
        for down in (self.conv1, self.conv2, self.conv3):
            x = F.max_pool2d(F.relu_(down(x)), 2)
        x = F.relu_(self.conv4(x))
        for up in (self.unconv1, self.unconv2, self.unconv3):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = F.relu_(up(x))
        return self.score(x)

    def load(self, weights):
        """Take the weights of the layers of those names; the fixed upsampling has none here."""
        for name, layer in self.named_children():
            _fill(layer, *weights[name])

    def folded(self):
        """Itself: it has no batch normalisation."""
        return self


class Normalised(nn.Module):
    """Convolution, batch normalisation and ReLU."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = _convolution(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        """Rectified maps."""
        return F.relu_(self.norm(self.conv(x)))


class UNet(nn.Module):
    """The U-Net of the recipe best; images (N, 1, H, W) in, scores (N, 2, H, W) out."""

    def __init__(self, features=16, poolings=3):
        super().__init__()
        self.poolings = poolings
        maps = [1, *(features << level for level in range(poolings + 1))]
        for level in range(1, poolings + 2):
            self._add_pair(f"conv{level}", maps[level - 1], maps[level])
        for level in range(poolings, 0, -1):
            self._add_pair(f"unconv{level}", maps[level + 1] + maps[level], maps[level])
        self.score = nn.Conv2d(features, 2, 1)

    def forward(self, x):
        """Scores."""
        skips = []
        for level in range(1, self.poolings + 1):
            x = self._pair(f"conv{level}", x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self._pair(f"conv{self.poolings + 1}", x)
        for level in range(self.poolings, 0, -1):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = self._pair(f"unconv{level}", torch.cat([x, skips.pop()], 1))
        return self.score(x)

    def load(self, weights):
        """Take the weights of the layers of those names."""
        _fill(self.score, *weights["score"])
        for name, pair in self.named_children():
            if isinstance(pair, Normalised):
                mean, variance, (count,) = weights[f"bn_{name}"]
                _fill(pair.conv, *weights[name])
                _fill(pair.norm, *weights[f"scale_{name}"])
                pair.norm.running_mean.copy_(torch.from_numpy(mean / count))
                pair.norm.running_var.copy_(torch.from_numpy(variance / count))

    def folded(self):
        """Itself for use, with each batch normalisation in the weights of its convolution."""
        self.eval()
        for pair in self.children():
            if isinstance(pair, Normalised):
                pair.conv, pair.norm = fuse_conv_bn_eval(pair.conv, pair.norm), nn.Identity()
        return self

    def _add_pair(self, name, inputs, outputs):
        self.add_module(f"{name}_1", Normalised(inputs, outputs))
        self.add_module(f"{name}_2", Normalised(outputs, outputs))

    def _pair(self, name, x):
        return getattr(self, f"{name}_2")(getattr(self, f"{name}_1")(x))


def load_net(path):
    """The net with the weights of a ``.caffemodel``, channels last."""
    weights = read_weights(path)
    net = UNet() if "bn_conv1_1" in weights else Net()
    with torch.no_grad():
        net.load(weights)
    return net.to(memory_format=torch.channels_last)


class Contender:
    """See `benchmarks.contenders`.

    The option is "fp32" or "bf16"; that one trains under autocast and infers with bfloat16 weights.
    """

    def __init__(self, option):
        self.bf16 = option == "bf16"
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def about(self):
        """PyTorch's version, device and threads."""
        device = torch.cuda.get_device_name() if self.device.type == "cuda" else "cpu"
        return {"name": "torch", "version": torch.__version__, "device": device, "threads": torch.get_num_threads()}

    def training(self, batch):
        """Iterations over batches in memory, as the report's solver makes them."""
        net = load_net(WEIGHTS).to(self.device).train()
        optimiser = _optimiser(net, read_solver(SOLVER))
        batches = self._endless_batches(batch)

        def run(count):
            for _ in range(count):
                images, labels = next(batches)
                optimiser.zero_grad()
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                    score = net(images)
                loss = F.cross_entropy(score.float(), labels)
                loss.backward()
                optimiser.step()
            return np.array(loss.item())

        return run

    def inference(self):
        """Forward passes."""
        precision = torch.bfloat16 if self.bf16 else torch.float32
        net = load_net(WEIGHTS).folded().to(self.device, precision)
        images = np.load(IMAGES)

        @torch.inference_mode()
        def run(count):
            for _ in range(count):
                score = net(self._channels_last(images, precision))
                probability = F.softmax(score.float(), 1).cpu().numpy()
            return probability

        return run

    def _endless_batches(self, batch):
        with h5py.File(PATCHES, "r") as file:
            data, label = file["data"][()], file["label"][()]
        pairs = [
            (self._channels_last(data[n : n + batch]), torch.from_numpy(label[n : n + batch, 0]).long().to(self.device))
            for n in range(0, len(data), batch)
        ]
        while True:
            yield from pairs

    def _channels_last(self, images, precision=torch.float32):
        return torch.from_numpy(images).to(self.device, precision, memory_format=torch.channels_last)


def _convolution(inputs, outputs, bias=True):
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)


def _fill(layer, weight, bias=None):
    layer.weight.copy_(torch.from_numpy(weight))
    if bias is not None:
        layer.bias.copy_(torch.from_numpy(bias))


def _optimiser(net, solver):
    """What the solver says, without the bias rates and exceptions from weight decay of single layers."""
    common = {"lr": solver.base_lr, "weight_decay": solver.weight_decay, "fused": True}
    if solver.type == "Adam":
        betas = solver.momentum, solver.momentum2
        return torch.optim.Adam(net.parameters(), betas=betas, eps=solver.delta, **common)
    return torch.optim.SGD(net.parameters(), momentum=solver.momentum, **common)
