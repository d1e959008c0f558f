#!/usr/bin/python3
"""Train small networks of the FNN's kind on a simulated cortex.

A network of three parts (perspective, recurrent attention core, readout at a point a neuron; docs/fnn.md) learns the
responses of `cortifold simulate cortex` to the gratings and flows of `cortifold stimulus set clean`. cortifold runs what
comes out by itself, `fnn:mini.safetensors+mini.json`, and never needs this script.

    tools/mini/train.py --cortifold build/cortifold --variant mini --out models

Needs python3-torch and python3-numpy; about ten minutes a variant on one core. Seed and settings are written into the
.json beside the weights, with the median correlation on stimuli and layouts that were held out.

Variants
    mini       as described
    static     no memory: the recurrent part starts from zeros at every frame ("recurrent.memory": false)
    early      one block, then the recurrent part: recurrence early, on a finer map
    narrow     a readout of two maps a stream instead of sixteen
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

GAMMA = 1.7015043497085571
HEIGHT, WIDTH, FRAMES = 36, 64, 37  # of the movies
ROWS, COLUMNS, DEGREES = 24, 40, 16.6  # of the retina, which looks at their middle
STREAMS, MEMORY = 2, 4
VARIANTS = {
    "mini": dict(channels=[8, 16, 16], groups=[1, 2, 4], pools=[2, 2, 1], out=16, memory=True),
    "static": dict(channels=[8, 16, 16], groups=[1, 2, 4], pools=[2, 2, 1], out=16, memory=False),
    "early": dict(channels=[8], groups=[1], pools=[2], out=16, memory=True),
    "narrow": dict(channels=[8, 16, 16], groups=[1, 2, 4], pools=[2, 2, 1], out=2, memory=True),
}
HIDDEN, HEADS, INNER, FEED = 32, 4, 32, 16


def gelu(x):
    return GAMMA * F.gelu(x)


def standardised(weight, gain, dims):
    """w' = gain (w - mean) / sqrt(n var + 1e-5) over the inputs of an output channel."""
    w = weight - weight.mean(dims, keepdim=True)
    w = w / torch.sqrt((w * w).sum(dims, keepdim=True) + 1e-5)
    return w if gain is None else w * gain.reshape([-1] + [1] * (w.ndim - 1))


def grouped(parts, groups):
    """Slices of the tensors side by side within each group; channels are axis 1."""
    return torch.cat([p.unflatten(1, (groups, -1)) for p in parts], 2).flatten(1, 2)


class Conv(torch.nn.Module):
    def __init__(self, inputs, out, groups=1, frames=1, side=1, gain=1.0, gains=None, bias=0.0):
        super().__init__()
        self.groups, self.frames, self.side, self.spread = groups, frames, side, gain
        n = inputs // groups * frames * side * side
        self.weights = torch.nn.Parameter((2 * torch.rand(out, inputs // groups, frames, side, side) - 1) / math.sqrt(n))
        self.gains = None if gain is None else torch.nn.Parameter(torch.full((gains or groups, out // (gains or groups)), gain))
        self.biases = None if bias is None else torch.nn.Parameter(torch.full((gains or groups, out // (gains or groups)), bias))

    fresh = False  # the next call fits the gains: outputs get the spread `spread` on what comes in

    def forward(self, x):
        """x: (clip, channel, height, width), or with frames before height when the kernel has several."""
        if self.fresh and self.gains is not None:
            self.fresh = False
            with torch.no_grad():
                y = self.forward(x) - (0 if self.biases is None else self.biases.reshape([1, -1] + [1] * (x.ndim - 2)))
                self.gains *= (self.spread / (y.transpose(0, 1).flatten(1).std(1) + 1e-6)).reshape(self.gains.shape)
        w = standardised(self.weights, self.gains, (1, 2, 3, 4))
        b = None if self.biases is None else self.biases.reshape(-1)
        half = self.side // 2
        if self.frames > 1:
            return F.conv3d(F.pad(x, (half, half, half, half, self.frames - 1, 0)), w, b, groups=self.groups)
        return F.conv2d(x, w[:, :, 0], b, padding=half, groups=self.groups)


class Stream(torch.nn.Module):
    """The core of one stream."""

    def __init__(self, v):
        super().__init__()
        self.v = v
        last = 1
        self.inputs, self.convs, self.skips = torch.nn.ModuleList(), torch.nn.ModuleList(), torch.nn.ModuleList()
        root = 1 / math.sqrt(2)
        for i, (c, g) in enumerate(zip(v["channels"], v["groups"])):
            if i:
                self.inputs.append(Conv(last, c, gains=g))
            self.convs.append(torch.nn.ModuleList([Conv(c, c, g, 3, 3), Conv(c, c, g, 3, 3, root)]))
            self.skips.append(Conv(c, c, g, gain=root))
            last = 3 * c
        first = v["channels"][0]
        self.entry = torch.nn.Parameter((2 * torch.rand(first, 1, 1, 6, 6) - 1) / 6)
        self.entry_bias = torch.nn.Parameter(torch.zeros(v["groups"][0], first // v["groups"][0]))
        self.out = Conv(last, FEED)
        each = HIDDEN // HEADS
        self.across = torch.nn.Parameter((2 * torch.rand(HEADS, HEADS - 1, each, each) - 1) / math.sqrt(HIDDEN - each))
        self.across_gain = torch.nn.Parameter(torch.full((HEADS, each), 1 / math.sqrt(3)))
        self.feed = Conv(FEED, HIDDEN, gains=HEADS, gain=1 / math.sqrt(3))
        self.conv = Conv(2 * HIDDEN, INNER, HEADS, 1, 3, None, bias=None)
        self.q, self.k, self.w = (Conv(INNER, INNER, HEADS, gain=None, bias=None) for _ in range(3))
        self.scales = torch.nn.Parameter(torch.full((HEADS, INNER // HEADS), 4.0))
        self.gate = torch.nn.ModuleDict(
            {n: Conv(2 * INNER, HIDDEN, HEADS, bias=b) for n, b in (("i", -1.0), ("f", 1.0), ("g", 0.0), ("o", 0.0))})
        self.last = Conv(HIDDEN, v["out"])

    def across_matrix(self):
        w = standardised(self.across.transpose(1, 2).flatten(0, 1), self.across_gain, (1, 2)).unflatten(0, (HEADS, -1))
        rows = []
        for g in range(HEADS):
            parts = [w[g, :, k] for k in range(HEADS - 1)]
            parts.insert(g, torch.zeros_like(parts[0]))
            rows.append(torch.cat(parts, 1))
        return torch.cat(rows, 0)[:, :, None, None]

    def feedforward(self, movie):
        """(clip, 1, time, height, width) -> (clip, FEED, time, h, w)"""
        n, t = movie.shape[0], movie.shape[2]
        flat = lambda x: x.transpose(1, 2).flatten(0, 1)
        back = lambda x: x.unflatten(0, (n, t)).transpose(1, 2)
        x = F.conv2d(F.pad(flat(movie), (2, 2, 2, 2), mode="replicate"), self.entry[:, :, 0], self.entry_bias.reshape(-1), 2)
        for i, pool in enumerate(self.v["pools"]):
            g = self.v["groups"][i]
            if i:
                x = self.inputs[i - 1](x)
            y0 = gelu(x)
            x1 = self.convs[i][0](back(y0))
            x2 = flat(self.convs[i][1](gelu(x1))) + self.skips[i](y0)
            x = grouped([x, flat(x1), x2], g)
            if pool > 1:
                x = F.avg_pool2d(x, pool)
        return back(self.out(x))

    def recurrent(self, feed):
        n, _, t, rows, columns = feed.shape
        h = c = feed.new_zeros(n, HIDDEN, rows, columns)
        across, fed, out = self.across_matrix(), self.feed(feed.transpose(1, 2).flatten(0, 1)).unflatten(0, (n, t)), []
        for frame in range(t):
            if not self.v["memory"]:
                h = c = torch.zeros_like(h)
            x = torch.tanh(F.conv2d(h, across) + fed[:, frame])
            z = self.conv(grouped([x, h], HEADS))
            heads = lambda y: y.unflatten(1, (HEADS, -1)).flatten(3)
            q, k, w = heads(self.q(z)), heads(self.k(z)), heads(self.w(z))
            q = q / q.norm(dim=2, keepdim=True) * self.scales[None, :, :, None]
            k = k / k.norm(dim=2, keepdim=True)
            a = torch.softmax(q.transpose(2, 3) @ k, 3)
            a = (w @ a.transpose(2, 3)).flatten(1, 2).unflatten(2, (rows, columns))
            za = grouped([z, a], HEADS)
            i, f, o = (torch.sigmoid(self.gate[name](za)) for name in "ifo")
            c = f * c + i * torch.tanh(self.gate["g"](za))
            h = o * torch.tanh(c)
            out.append(self.last(h))
        return torch.stack(out, 1)  # (clip, time, channel, h, w)


class Network(torch.nn.Module):
    def __init__(self, variant, units):
        super().__init__()
        v = VARIANTS[variant]
        self.streams = torch.nn.ModuleList([Stream(v) for _ in range(STREAMS)])
        self.mu = torch.nn.Parameter(0.5 * (2 * torch.rand(units, 2) - 1))
        self.feature = torch.nn.ParameterList(
            [torch.nn.Parameter(torch.randn(units, 1, v["out"]) / math.sqrt(v["out"])) for _ in range(STREAMS)])
        self.bias = torch.nn.ParameterList([torch.nn.Parameter(torch.zeros(units, 1)) for _ in range(STREAMS)])

    def begin(self, movie):
        """Without this the contrast dies out on the way: weights have no mean, images are smooth."""
        with torch.no_grad():
            for one in self.streams:
                for conv in one.modules():
                    conv.fresh = isinstance(conv, Conv)
                y = F.conv2d(movie[:, :, 5], one.entry[:, :, 0], None, 2)
                one.entry /= y.transpose(0, 1).flatten(1).std(1).reshape(-1, 1, 1, 1, 1)
                one.recurrent(one.feedforward(movie))

    def one(self, s, movie):
        """Log rates of one stream: (clip, time, unit)"""
        maps = self.streams[s].recurrent(self.streams[s].feedforward(movie))
        n, t = maps.shape[:2]
        grid = torch.tanh(self.mu)[None, :, None].expand(n * t, -1, -1, -1)
        at = F.grid_sample(maps.flatten(0, 1), grid, padding_mode="border", align_corners=False)[..., 0]
        return (torch.einsum("bcu,uc->bu", at, self.feature[s][:, 0]) + self.bias[s][:, 0]).unflatten(0, (n, t))

    def forward(self, movie, stream=None):
        if stream is not None:
            return self.one(stream, movie)
        return sum(self.one(s, movie) for s in range(STREAMS)) / STREAMS


# ------------------------------------------------------------------ files --


def config_of(variant, units, notes):
    v = VARIANTS[variant]
    n = len(v["channels"])
    return {
        "stimuli": 1, "perspectives": 2, "modulations": 2, "streams": STREAMS, "units": units,
        "feedforward": {"type": "InputDense", "nonlinear": "gelu", "input_spatial": 6, "input_stride": 2,
                        "block_channels": v["channels"], "block_groups": v["groups"], "block_layers": [2] * n,
                        "block_temporals": [3] * n, "block_spatials": [3] * n, "block_pools": v["pools"], "out_channels": FEED},
        "recurrent": {"type": "CvtLstm", "in_channels": HIDDEN, "out_channels": v["out"], "hidden_channels": HIDDEN,
                      "common_channels": INNER, "groups": HEADS, "spatial": 3, "memory": v["memory"]},
        "perspective": {"type": "MlpMonitorRetina", "mlp_nonlinear": "gelu", "monitor": {"type": "Plane", "eps": 1e-5},
                        "monitor_pixel": {"type": "StaticPower", "power": 1}, "retina": {"type": "Angular", "degrees": DEGREES},
                        "retina_pixel": {"type": "SigmoidPower", "max_power": 1, "eps": 1e-5},
                        "mlp_features": 2, "mlp_layers": 1, "height": ROWS, "width": COLUMNS},
        "modulation": {"type": "MlpLstm", "mlp_nonlinear": "gelu", "mlp_features": 2, "mlp_layers": 1, "lstm_features": MEMORY},
        "readout": {"type": "PositionFeature", "position": "Gaussian", "bound": "Tanh", "feature": "Vanilla"},
        "reduce": "Mean", "unit": "Poisson", "notes": notes,
    }


def retina_rays():
    x, y = np.meshgrid((np.arange(COLUMNS) * 2 + 1 - COLUMNS) / COLUMNS, (np.arange(ROWS) * 2 + 1 - ROWS) / COLUMNS)
    r = np.minimum(np.hypot(x, y) * np.radians(DEGREES), np.pi / 2)
    th = np.arctan2(y, x)
    return np.stack([np.sin(r) * np.cos(th), np.sin(r) * np.sin(th), np.cos(r)], 2)


def tensors_of(net):
    """Every tensor under its released name. Eye and behaviour are silent: zero weights, zero biases."""
    t = {"perspective.monitor.center": np.array([0, 0, 2.0]), "perspective.monitor.angle": np.zeros(3),
         "perspective.monitor_pixel.power": np.array(1.0), "perspective.monitor_pixel.scale": np.array(1.0),
         "perspective.monitor_pixel.offset": np.array(0.0), "perspective.retina.grid": retina_rays(),
         "perspective.retina_pixel.logit": np.array([12.0]), "perspective.retina_pixel.scale": np.array([4.0]),
         "perspective.retina_pixel.offset": np.array([-2.0]),
         "perspective.mlp.linears.0.weights.0": np.zeros((2, 2, 1, 1, 1)), "perspective.mlp.linears.0.biases.0": np.zeros((1, 2)),
         "perspective.mlp.linears.1.weights.0": np.zeros((3, 2, 1, 1, 1)), "perspective.mlp.linears.1.gains.0": np.zeros((1, 3)),
         "perspective.mlp.linears.1.biases.0": np.zeros((1, 3)), "readout.position.mu": net.mu}
    for s, one in enumerate(net.streams):
        def put(name, conv):
            t[f"{name}.weights.{s}"] = conv.weights
            if conv.gains is not None:
                t[f"{name}.gains.{s}"] = conv.gains
            if conv.biases is not None:
                t[f"{name}.biases.{s}"] = conv.biases
        ff, rec = "core.feedforward", "core.recurrent"
        t[f"{ff}.inputs.0.weights.{s}"], t[f"{ff}.inputs.0.biases.{s}"] = one.entry, one.entry_bias
        for i in range(len(one.convs)):
            if i:
                put(f"{ff}.inputs.{i}", one.inputs[i - 1])
            put(f"{ff}.blocks.{i}.convs.0", one.convs[i][0])
            put(f"{ff}.blocks.{i}.convs.1", one.convs[i][1])
            put(f"{ff}.blocks.{i}.skips.1", one.skips[i])
        put(f"{ff}.out", one.out)
        t[f"{rec}.proj_x.0.weights.{s}"], t[f"{rec}.proj_x.0.gains.{s}"] = one.across, one.across_gain
        put(f"{rec}.proj_x.1", one.feed)
        t[f"{rec}.proj_x.2.weights.{s}"] = np.zeros((HIDDEN, MEMORY, 1, 1, 1))
        t[f"{rec}.proj_x.2.gains.{s}"] = np.zeros((HEADS, HIDDEN // HEADS))
        put(f"{rec}.conv", one.conv)
        for name, conv in (("q", one.q), ("k", one.k), ("v", one.w)):
            put(f"{rec}.proj_{name}", conv)
        for name, conv in one.gate.items():
            put(f"{rec}.proj_{name}", conv)
        t[f"{rec}.scales.{s}"] = one.scales
        put(f"{rec}.out", one.last)
        t[f"readout.feature.weights.{s}"], t[f"readout.biases.{s}"] = net.feature[s], net.bias[s]
        t[f"modulation.mlp.linears.0.weights.{s}"] = np.zeros((2, 2, 1, 1, 1))
        t[f"modulation.mlp.linears.0.biases.{s}"] = np.zeros((1, 2))
        for name in "ifgo":
            t[f"modulation.lstm.proj_{name}.weights.{s}"] = np.zeros((MEMORY, 2 + MEMORY, 1, 1, 1))
            t[f"modulation.lstm.proj_{name}.gains.{s}"] = np.zeros((1, MEMORY))
            t[f"modulation.lstm.proj_{name}.biases.{s}"] = np.zeros((1, MEMORY))
    return {k: np.ascontiguousarray((v.detach().numpy() if torch.is_tensor(v) else v).astype("<f4")) for k, v in t.items()}


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(v.tobytes() for v in tensors.values()))


def save(out, name, net, variant, units, notes):
    write_safetensors(out / f"{name}.safetensors", tensors_of(net))
    (out / f"{name}.json").write_text(json.dumps(config_of(variant, units, notes), indent=1) + "\n")


# --------------------------------------------------------------- training --


def cortifold(program, *words):
    subprocess.run([program, *map(str, words), "--force", "--quiet"], check=True)


def read(program, address, folder):
    """Through npy, so that only numpy is needed."""
    cortifold(program, "convert", address, folder / "array.npy")
    return np.load(folder / "array.npy")


def data_of(args, work):
    """Retina images (class, direction, instance, time, h, w) as cortifold sees them, rates in units of their mean, types."""
    work.mkdir(parents=True, exist_ok=True)
    p, movies, cortex = args.cortifold, work / "movies.h5", work / "cortex.h5"
    if not (work / "retina.npy").exists():
        cortifold(p, "stimulus", "set", "clean", "--width", WIDTH, "--height", HEIGHT, "--px-per-deg", 2, "--frames", FRAMES,
                  "--instances", 3, "--seed", args.seed, "-o", movies)
        cortifold(p, "simulate", "cortex", "--stimuli", 11, "--directions", 8, "--times", FRAMES, "--bin", 1000 / 30,
                  "--neurons", args.neurons, "--seed", args.seed, "-o", cortex)
        save(work, "blank", Network("mini", 1), "mini", 1, {})
        cortifold(p, "run", f"fnn:{work}/blank.safetensors+{work}/blank.json", f"{movies}:frames", "--layers", "perspective",
                  "-o", work / "seen.npz")
        np.save(work / "retina.npy", np.load(work / "seen.npz")["perspective"])
    retina = np.load(work / "retina.npy").reshape(11, 8, 3, FRAMES, ROWS, COLUMNS)
    rate = read(p, f"{cortex}:truth/rate", work)
    cortifold(p, "convert", f"{cortex}:truth/type", work / "type.tsv")
    kind = [line.split("\t")[-1] for line in (work / "type.tsv").read_text().splitlines()[1:]]
    return retina, rate / rate.mean((1, 2, 3), keepdims=True), kind


def correlation(a, b):
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0) + 1e-12)


def train(args, variant, retina, rate, out):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    net = Network(variant, rate.shape[0])
    pairs = rng.permutation(88)
    test, fit = pairs[:12], pairs[12:]
    movie = torch.from_numpy(retina.astype(np.float32)).flatten(0, 1)
    target = torch.from_numpy(rate.transpose(1, 2, 3, 0).reshape(88, FRAMES, -1).astype(np.float32))
    net.begin(movie[fit[:24], 0][:, None])
    core = [p for n, p in net.named_parameters() if n.startswith("streams")]
    rest = [p for n, p in net.named_parameters() if not n.startswith("streams")]
    optimiser = torch.optim.AdamW([{"params": core}, {"params": rest}], lr=args.rate, weight_decay=1e-4)
    steps = args.epochs * math.ceil(len(fit) / args.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, [args.rate, args.readout_rate], total_steps=steps, pct_start=0.15)
    start = time.time()
    for epoch in range(args.epochs):
        total, order = 0.0, rng.permutation(fit)
        frames = FRAMES if epoch >= 0.7 * args.epochs else FRAMES // 2  # mostly the first half: it costs half
        for k in range(0, len(order), args.batch):
            b = order[k : k + args.batch]
            log = net(movie[b, rng.integers(0, 2), :frames][:, None], int(rng.integers(STREAMS)))
            loss = (torch.exp(log) - target[b, :frames] * log)[:, 2:].mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += loss.item() * len(b)
        if epoch % 5 == 4 or epoch + 1 == args.epochs:
            with torch.no_grad():
                held = torch.exp(net(movie[test, 2][:, None])).flatten(0, 1).numpy()
            r = correlation(held, target[test].flatten(0, 1).numpy())
            print(f"{variant} epoch {epoch + 1}: loss {total / len(fit):.4f}, held-out r {np.median(r):.3f}, {time.time() - start:.0f} s",
                  flush=True)
            save(out, variant, net, variant, rate.shape[0],
                 {"seed": args.seed, "epochs": epoch + 1, "neurons": args.neurons, "held_out_median_r": round(float(np.median(r)), 4),
                  "trained_on": "cortifold simulate cortex, stimulus set clean"})
    return r


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cortifold", default="build/cortifold")
    parser.add_argument("--variant", default="all", choices=["all", *VARIANTS])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("models"))
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("mini-work"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--neurons", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--batch", type=int, default=19)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--readout-rate", type=float, default=2e-2)
    parser.add_argument("--threads", type=int, default=1, help="the network is small: more than one rarely helps")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    retina, rate, kind = data_of(args, args.work)
    for variant in VARIANTS if args.variant == "all" else [args.variant]:
        r = train(args, variant, retina, rate, args.out)
        for k in sorted(set(kind)):
            each = r[[x == k for x in kind]]
            print(f"{variant:8} {k:20} {len(each):4d} neurons, median held-out r {np.median(each):.3f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
