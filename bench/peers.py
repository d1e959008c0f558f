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


PEERS = {
    "cka-numpy": cka_numpy,
    "svd-full-numpy": svd_full,
    "rdm-correlation-numpy": gram_correlation,
    "rdm-correlation-scipy": pdist("correlation"),
    "rdm-sqeuclidean-scipy": pdist("sqeuclidean"),
}

for key in sys.argv[1:]:
    if key in PEERS:
        try:
            print(f"{key}\t{PEERS[key]():.6g}", flush=True)
        except ImportError:
            pass
