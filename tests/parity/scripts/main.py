"""What published scripts do with pycaffe, without a word about engines: arrays go into found.npz, texts are printed."""

import os
import sys

import arrays
import caffe
import nets_as_python
import numpy as np
import surgery
import training
from google.protobuf import text_format

if __name__ == "__main__":
    os.chdir(sys.argv[1])
    caffe.set_mode_cpu()
    found = {}
    arrays.run(found)
    nets = [training.run(found), surgery.run(found), nets_as_python.odd(), *nets_as_python.without_names()]
    for number, net in enumerate(nets):
        with open(f"net{number}.prototxt", "w") as file:
            file.write(text_format.MessageToString(net))
    nets_as_python.mistakes()
    np.savez("found.npz", **{name.replace("/", "_"): value for name, value in found.items()})
    sys.exit(int(sys.argv[2]))
