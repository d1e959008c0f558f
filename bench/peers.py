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


PEERS = {
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
