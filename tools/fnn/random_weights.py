#!/usr/bin/python3
"""Writes a foundation model of the released size with random weights, in the released file formats.

usage: tools/fnn/random_weights.py FOLDER [--seed S] [--units N] [--narrow K]

FOLDER/params_core.pt and FOLDER/params_8_5.pt are PyTorch zip files with the names, shapes and types of the tensors of
Wang et al. (2025): 4 streams, retina 128 x 192, CvT-LSTM core of 4,528,640 numbers, 9,941 units. Values are drawn as a
network is before training: weights from a normal distribution (the network standardises them), gains so that sums keep
unit variance, biases near 0, input gates closed (-1), forget gates open (+1). The same seed gives the same numbers.
--narrow K divides all channels by K (1, 2 or 4), for a quick look.

    tools/fnn/random_weights.py fnn
    cortifold layers fnn:fnn/params_core.pt+fnn/params_8_5.pt

Such a network knows nothing; it is a control, and it costs what the trained one costs. Needs PyTorch.
"""
import argparse
import collections
import os

import numpy as np
import torch

STREAMS, HEIGHT, WIDTH, GROUPS = 4, 128, 192, 8


class Writer:
    def __init__(self, seed):
        self.rng = np.random.Generator(np.random.PCG64(seed))
        self.tensors = collections.OrderedDict()

    def put(self, name, shape, centre=0.0, spread=1.0):
        values = centre + spread * self.rng.standard_normal(shape)
        self.tensors[name] = torch.from_numpy(np.asarray(values, np.float32))

    def layer(self, name, out, inside, time=1, side=1, groups=1, gain=1.0, bias=0.0, streams=STREAMS):
        """Weights [out, inside, time, side, side]; gain or bias None: the layer has none."""
        for s in range(streams):
            self.put(f"{name}.weights.{s}", (out, inside, time, side, side), 0, (inside * time * side * side) ** -0.5)
            if gain is not None:
                self.put(f"{name}.gains.{s}", (groups, out // groups), gain, 0.1 * gain)
            if bias is not None:
                self.put(f"{name}.biases.{s}", (groups, out // groups), bias, 0.1)


def core(w, narrow):
    half, third = 2 ** -0.5, 3 ** -0.5
    channels, groups, before = [32 // narrow, 64 // narrow, 128 // narrow], [1, 2, 4], 1
    for i, (n, g) in enumerate(zip(channels, groups)):
        name = f"core.feedforward.inputs.{i}"
        if i == 0:
            w.layer(name, n, 1, side=6, gain=None)
        else:
            w.layer(name, n, before, groups=g)
        for l in range(2):
            w.layer(f"core.feedforward.blocks.{i}.convs.{l}", n, n // g, 3, 3, g, half if l else 1.0)
        w.layer(f"core.feedforward.blocks.{i}.skips.1", n, n // g, groups=g, gain=half, bias=None)
        before = 3 * n
    out, hidden, inner = 128 // narrow, 256 // narrow, 512 // narrow
    w.layer("core.feedforward.out", out, before)
    head, each = inner // GROUPS, hidden // GROUPS
    for s in range(STREAMS):
        w.put(f"core.recurrent.proj_x.0.weights.{s}", (GROUPS, GROUPS - 1, each, each))
        w.put(f"core.recurrent.proj_x.0.gains.{s}", (GROUPS, each), third, 0.1 * third)
        w.put(f"core.recurrent.scales.{s}", (GROUPS, head), 4, 1)
    w.layer("core.recurrent.proj_x.1", hidden, out, groups=GROUPS, gain=third)
    w.layer("core.recurrent.proj_x.2", hidden, 16, groups=GROUPS, gain=third, bias=None)
    w.layer("core.recurrent.conv", inner, 2 * each, side=3, gain=None, bias=None)
    for name in "qkv":
        w.layer(f"core.recurrent.proj_{name}", inner, head, gain=None, bias=None)
    for name, bias in zip("ifgo", (-1, 1, 0, 0)):
        w.layer(f"core.recurrent.proj_{name}", hidden, 2 * head, groups=GROUPS, bias=bias)
    w.layer("core.recurrent.out", out, hidden)


def scan(w, narrow, units):
    one = ("perspective.retina_pixel.logit", 0, 0.1), ("perspective.retina_pixel.scale", 1, 0.1), (
        "perspective.retina_pixel.offset", -0.4, 0.05)
    w.tensors["perspective.monitor.center"] = torch.tensor([0.0, 0.0, 0.5])
    w.tensors["perspective.monitor.angle"] = torch.zeros(3)
    for name, value in (("power", 1.7), ("scale", 1.0), ("offset", 0.0)):
        w.tensors[f"perspective.monitor_pixel.{name}"] = torch.tensor(value)
    for name, centre, spread in one:
        w.put(name, (1,), centre, spread)
    w.layer("perspective.mlp.linears.0", 16, 2, gain=None, streams=1)
    for i in (1, 2):
        w.layer(f"perspective.mlp.linears.{i}", 16, 16, streams=1)
    w.layer("perspective.mlp.linears.3", 3, 16, gain=0.05, streams=1)
    w.layer("modulation.mlp.linears.0", 16, 2, gain=None)
    for name, bias in zip("ifgo", (-1, 1, 0, 0)):
        w.layer(f"modulation.lstm.proj_{name}", 16, 32, bias=bias)
    w.put("readout.position.mu", (units, 2), 0, 0.7)
    for s in range(STREAMS):
        w.put(f"readout.feature.weights.{s}", (units, 1, 128 // narrow), 0, (128 // narrow) ** -0.5)
        w.put(f"readout.biases.{s}", (units, 1), -0.5, 0.2)


def save(folder, name, tensors):
    """Under a temporary name first, so that no half file is left."""
    path = os.path.join(folder, name)
    torch.save(tensors, path + ".new")
    os.replace(path + ".new", path)
    print(f"{path}: {len(tensors)} tensors, {sum(t.numel() for t in tensors.values()):,} numbers")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--units", type=int, default=9941)
    p.add_argument("--narrow", type=int, default=1, choices=(1, 2, 4))
    o = p.parse_args()
    os.makedirs(o.folder, exist_ok=True)
    w = Writer(o.seed)
    core(w, o.narrow)
    save(o.folder, "params_core.pt", w.tensors)
    w.tensors = collections.OrderedDict()
    scan(w, o.narrow, o.units)
    save(o.folder, "params_8_5.pt", w.tensors)


if __name__ == "__main__":
    main()
