"""The network of the report as one writes it by hand in PyTorch today, as fast as that goes without contortions."""

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.contenders import IMAGES, PATCHES, WEIGHTS
from cellseg.engine.weights import read_weights
from cellseg.network import SGD


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


def load_net(path):
    """The net with the weights of a ``.caffemodel``, channels last."""
    net = Net()
    with torch.no_grad():
        for name, blobs in read_weights(path).items():
            if hasattr(net, name):  # the fixed upsampling has no weights here
                layer = getattr(net, name)
                layer.weight.copy_(torch.from_numpy(blobs[0]))
                layer.bias.copy_(torch.from_numpy(blobs[1]))
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
        rate, momentum, decay = SGD.base_lr, SGD.momentum, SGD.weight_decay
        optimiser = torch.optim.SGD(net.parameters(), rate, momentum, weight_decay=decay, fused=True)
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
        net = load_net(WEIGHTS).to(self.device, precision).eval()
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


def _convolution(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1)
