"""Times of numpy and scipy for bench/run: one line KEY<tab>SECONDS each, nothing when they are not installed.

usage: peers.py KEY...   (only the keys asked for are measured; an unknown key is left out)
"""
import sys
import time

try:
    import numpy as np
except ImportError:
    sys.exit(0)


def best(k, f):
    shortest = float("inf")
    for _ in range(k):
        start = time.perf_counter()
        f()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest


def matrix(rows, cols, seed):
    return np.random.default_rng(seed).standard_normal((rows, cols))


def cka_numpy():
    """Linear CKA of two 2000 x 4096 by the shortest expressions; the quicker one counts."""
    x, y = matrix(2000, 4096, 1), matrix(2000, 4096, 2)

    def sample_space():
        a, b = x - x.mean(0), y - y.mean(0)
        k, l = a @ a.T, b @ b.T
        return (k * l).sum() / np.sqrt((k * k).sum() * (l * l).sum())

    def feature_space():
        a, b = x - x.mean(0), y - y.mean(0)
        n = np.linalg.norm
        return n(a.T @ b) ** 2 / (n(a.T @ a) * n(b.T @ b))

    return min(best(8, sample_space), best(1, feature_space))


def svd_full():
    """Two thin SVDs of 2000 x 4096, what SVCCA does before it truncates."""
    x = matrix(2000, 4096, 1)
    return 2 * best(1, lambda: np.linalg.svd(x, full_matrices=False))


def gram_correlation():
    """Correlation distances of 1000 x 20000 by one product."""
    x = matrix(1000, 20000, 1)

    def run():
        z = x - x.mean(1, keepdims=True)
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        return 1 - z @ z.T

    return best(3, run)


def pdist(metric):
    def run():
        from scipy.spatial.distance import pdist as distances

        x = matrix(1000, 20000, 1)
        return best(1, lambda: distances(x, metric))

    return run


def eigsh(n, floor, sparse):
    """The 21 largest eigenvalues of the diffusion operator of bench/diffusion.c, the kernel being there already; its
    normalisation (row sums and two scalings) is part of the time, as it is in ours."""

    def run():
        from scipy.sparse import csr_matrix, diags
        from scipy.sparse.linalg import eigsh as lanczos

        i = np.arange(n)
        a, b = i * 0.6180339887498949 % 1, (i + 0.5) / n
        terms = [(k, l) for k in range(3) for l in range(3) if k + l]
        x = np.stack([f(2 * np.pi * (k * a + 1.3 * l * b)) / (1 + k + l) for k, l in terms for f in (np.cos, np.sin)], 1)
        square = (x * x).sum(1)
        d2 = np.maximum(0, square[:, None] + square - 2 * x @ x.T)
        width = np.sqrt(np.partition(d2, 30, 1)[:, 30])
        kernel = np.exp(-d2 / np.outer(width, width))
        kernel[kernel < floor] = 0
        if sparse:
            kernel = csr_matrix(kernel)

        def full():
            q = kernel.sum(1)
            m = kernel / np.outer(q, q)
            d = m.sum(1)
            return lanczos(m / np.sqrt(np.outer(d, d)), k=21)

        def compressed():
            q = diags(1 / np.asarray(kernel.sum(1)).ravel())
            m = q @ kernel @ q
            d = diags(1 / np.sqrt(np.asarray(m.sum(1)).ravel()))
            return lanczos(d @ m @ d, k=21)

        return best(3, compressed if sparse else full)

    return run


def fnn_torch():
    """One frame of the core and readout of the FNN at its released size, 4 streams as groups, by torch's own operators."""
    import torch
    from torch.nn import functional as f

    torch.manual_seed(0)
    s, units = 4, 9941

    def weights(out, fan, side, groups=1):
        return torch.randn(s * out, fan, side, side) / (fan * side * side) ** 0.5, s * groups

    def conv(w, x, **more):
        return f.conv2d(x, w[0], groups=w[1], **more)

    first, blocks, before = weights(32, 1, 6), [], None
    for i, n in enumerate((32, 64, 128)):
        g = n // 32
        one = None if i == 0 else weights(n, before, 1)
        blocks.append((n, g, one, weights(n, 96, 3, g), weights(n, 96, 3, g), weights(n, 32, 1, g)))
        before = 3 * n
    last, feed, across, out = (weights(128, 384, 1), weights(256, 128, 1), weights(256, 256, 1), weights(128, 256, 1))
    z_conv, q_w, k_w, v_w = weights(512, 64, 3, 8), *(weights(512, 64, 1, 8) for _ in range(3))
    gates = weights(1024, 128, 1, 8)
    place = torch.rand(1, units, 1, 2) * 2 - 1
    feature = torch.randn(s, units, 128)
    past = [[torch.zeros(1, s * n, h, w) for _ in range(4)] for n, h, w in ((32, 64, 96), (64, 32, 48), (128, 16, 24))]
    c, h = torch.zeros(1, 1024, 16, 24), torch.zeros(1, 1024, 16, 24)

    def by_group(parts, g):
        parts = [p.view(1, s * g, -1, *p.shape[2:]) for p in parts]
        return torch.cat(parts, 2).flatten(1, 2)

    def frame():
        nonlocal c, h
        x = torch.rand(1, 1, 128, 192)
        x = f.conv2d(f.pad(x, (2, 2, 2, 2), mode="replicate"), first[0], stride=2)
        for i, (n, g, one, a, b, skip) in enumerate(blocks):
            x = x if one is None else conv(one, x)
            y = f.gelu(x) * 1.7
            x1 = conv(a, by_group([past[i][0], past[i][1], y], g), padding=1)
            y1 = f.gelu(x1) * 1.7
            x2 = conv(b, by_group([past[i][2], past[i][3], y1], g), padding=1) + conv(skip, y)
            past[i] = [past[i][1], y, past[i][3], y1]
            x = by_group([x, x1, x2], g)
            x = f.avg_pool2d(x, 2) if i < 2 else x
        m = conv(last, x)
        x = torch.tanh(conv(across, h) + conv(feed, m))
        z = conv(z_conv, by_group([x, h], 8), padding=1)
        q, k, v = (conv(w, z).view(s * 8, 64, 384) for w in (q_w, k_w, v_w))
        q, k = f.normalize(q, dim=1) * 4, f.normalize(k, dim=1)
        a = torch.bmm(v, torch.softmax(torch.bmm(q.transpose(1, 2), k), 2).transpose(1, 2)).reshape(1, 2048, 16, 24)
        i, o, r, g = conv(gates, by_group([z, a], 8)).view(s, 8, 4, 32, 16, 24).unbind(2)
        c = torch.sigmoid(r).reshape_as(c) * c + (torch.sigmoid(i) * torch.tanh(g)).reshape_as(c)
        h = torch.sigmoid(o).reshape_as(c) * torch.tanh(c)
        at = f.grid_sample(conv(out, h), place, padding_mode="border", align_corners=False)
        return torch.exp(torch.einsum("scu,suc->su", at.view(s, 128, units), feature).mean(0) * 0.01)

    with torch.no_grad():
        return best(15, frame)


def ridge_cv():
    """Correlation of 20 alphas over 5 folds, 1000 x 2000 -> 20000 in single precision: one eigendecomposition a fold."""
    x = matrix(1000, 2000, 1).astype("f4")
    y = matrix(1000, 20000, 2).astype("f4")
    alphas = np.logspace(-1, 8, 20)

    def run():
        score = np.zeros((20, y.shape[1]), "f4")
        for test in np.array_split(np.arange(1000), 5):
            train = np.setdiff1d(np.arange(1000), test)
            k = x[train] @ x[train].T
            value, vector = np.linalg.eigh(k)
            q = vector.T @ y[train]
            m = x[test] @ x[train].T @ vector
            z = y[test] - y[test].mean(0)
            z /= np.sqrt((z * z).sum(0))
            for i, alpha in enumerate(alphas):
                p = (m / (value + alpha)).astype("f4") @ q
                p -= p.mean(0)
                score[i] += (p * z).sum(0) / np.sqrt((p * p).sum(0)) / 5
        return score.argmax(0)

    return best(1, run)


def ridge_sklearn():
    """The same search and a refit by scikit-learn, which takes one alpha for all targets, in single precision."""
    from sklearn.linear_model import RidgeCV

    x = matrix(1000, 2000, 1).astype("f4")
    y = matrix(1000, 20000, 2).astype("f4")
    return best(1, lambda: RidgeCV(alphas=np.logspace(-1, 8, 20), cv=5).fit(x, y))


def permanova(n, permutations):
    """Processor time, not wall: what ours is compared with runs on all cores."""

    def run():
        from skbio.stats.distance import DistanceMatrix
        from skbio.stats.distance import permanova as test

        x = matrix(n, 100, 1)
        square = (x * x).sum(1)
        d = np.sqrt(np.maximum(0, square[:, None] + square - 2 * x @ x.T))
        np.fill_diagonal(d, 0)
        distances, groups = DistanceMatrix((d + d.T) / 2), np.arange(n) % 3
        times = []
        for _ in range(3):
            start = time.process_time()
            test(distances, groups, permutations=permutations)
            times.append(time.process_time() - start)
        return min(times)

    return run


PEERS = {
    "ridge-cv": ridge_cv,
    "ridge-sklearn": ridge_sklearn,
    "fnn-torch": fnn_torch,
    "permanova-1000": permanova(1000, 999),
    "permanova-45": permanova(45, 9999),
    "cka-numpy": cka_numpy,
    "svd-full-numpy": svd_full,
    "rdm-correlation-numpy": gram_correlation,
    "rdm-correlation-scipy": pdist("correlation"),
    "rdm-sqeuclidean-scipy": pdist("sqeuclidean"),
    "eigsh-full": eigsh(3000, 1e-8, False),
    "eigsh-sparse": eigsh(3000, 0.05, True),
}

for key in sys.argv[1:]:
    if key in PEERS:
        try:
            print(f"{key}\t{PEERS[key]():.6g}", flush=True)
        except ImportError:
            pass
