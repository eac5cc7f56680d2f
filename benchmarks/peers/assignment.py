# SPDX-License-Identifier: Apache-2.0
"""Linear assignment beside scipy.optimize.linear_sum_assignment, in one process, on the same costs.

Calls libsinter through its C ABI; needs numpy and scipy. The two take turns; a ratio is scipy's
seconds over Sinter's in one round, and the median over rounds counts. Sinter's time is that of the
whole call: permutation, duals and float64 certificate. Every solution is checked: a permutation,
the certificate recomputed here in float64, scipy's objective.

    python3 benchmarks/peers/assignment.py native/target/cpu/libsinter.so --rounds 3
"""
import argparse
import ctypes
import json
import pathlib
import statistics
import time

import numpy as np
from scipy.optimize import linear_sum_assignment

RESULTS = ("objective", "gap", "spread", "method", "paths")
METHODS = {1: "row minima", 2: "reduction", 3: "auction"}


class Tensor(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("dtype", ctypes.c_int32),
        ("device", ctypes.c_int32),
        ("rank", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("shape", ctypes.c_int64 * 8),
        ("strides", ctypes.c_int64 * 8),
    ]


class Problem(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("cost", ctypes.POINTER(Tensor)),
        ("start", ctypes.c_void_p),
        ("column", ctypes.c_void_p),
        ("u", ctypes.c_void_p),
        ("v", ctypes.c_void_p),
        ("results", ctypes.c_void_p),
    ]


class Options(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("threads", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("workspace_limit", ctypes.c_int64),
    ]


class Error(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("status", ctypes.c_int32),
        ("device_code", ctypes.c_int32),
        ("tensor", ctypes.c_int64),
        ("address", ctypes.c_void_p),
        ("message", ctypes.c_char * 1000),
    ]


class Sinter:
    """A CPU stream of libsinter, and its sinter_assign."""

    def __init__(self, library, threads=0):
        self.library = ctypes.CDLL(str(library))
        self.error = Error(ctypes.sizeof(Error))
        self.stream = ctypes.c_void_p()
        options = Options(ctypes.sizeof(Options), threads, 0, 0)
        self.check(
            self.library.sinter_stream_create(
                ctypes.c_int32(-1),
                ctypes.byref(options),
                ctypes.byref(self.stream),
                ctypes.byref(self.error),
            )
        )

    def check(self, status):
        if status:
            raise RuntimeError(self.error.message.decode())

    def prepare(self, costs, starts=None):
        """What a call for these needs; outputs are made once, as a caller in a loop would."""
        self.tensors = []
        self.outputs = []
        problems = (Problem * len(costs))()
        for k, cost in enumerate(costs):
            rows, columns = cost.shape
            tensor = Tensor(ctypes.sizeof(Tensor), 1 if cost.dtype == np.float64 else 2, -1, 2)
            tensor.data = cost.ctypes.data
            tensor.shape[0:2] = rows, columns
            tensor.strides[0:2] = columns, 1
            out = (np.empty(rows, np.int32), np.empty(rows), np.empty(columns), np.empty(5))
            self.tensors.append(tensor)
            self.outputs.append(out)
            problems[k] = Problem(
                ctypes.sizeof(Problem),
                ctypes.pointer(tensor),
                None if starts is None else starts[k].ctypes.data,
                *(x.ctypes.data for x in out),
            )
        self.problems = problems
        self.costs = costs

    def assign(self, maximize=0):
        self.check(
            self.library.sinter_assign(
                self.stream,
                ctypes.c_int64(len(self.problems)),
                self.problems,
                ctypes.c_int32(maximize),
                ctypes.byref(self.error),
            )
        )


def check(cost, out, peer_rows, peer_columns):
    """A permutation, the certificate, the peer's objective; returns the largest relative miss."""
    column, u, v, results = out
    n = len(column)
    assert len(np.unique(column)) == n and column.min() >= 0 and column.max() < cost.shape[1]
    exact = cost.astype(np.float64)
    spread = exact.max() - exact.min()
    assert results[2] == spread
    assert np.array_equal(u, (exact - v).min(axis=1)), "u is not feasible"
    chosen = exact[np.arange(n), column]
    gap = float((chosen - u - v[column]).sum())
    if exact.shape[0] < exact.shape[1]:
        free = np.setdiff1d(np.arange(cost.shape[1]), column)
        assert (v <= 0).all() and (v[free] == 0).all()
    assert abs(gap - results[1]) <= 1e-9 * max(spread, 1e-300), (gap, results[1])
    assert gap <= 1e-6 * spread, f"gap {gap} of {spread}"
    peer = exact[peer_rows, peer_columns].sum()
    assert abs(chosen.sum() - peer) <= 1e-6 * spread + 1e-12 * np.abs(exact).max() * n
    return gap / spread if spread else 0.0


def low_rank(r, n, rank):
    a = r.standard_normal((n, rank), dtype=np.float32)
    return -(a @ r.standard_normal((n, rank), dtype=np.float32).T)


def related(r, n, noise):
    """Products of a network's units and a relative's, in another order."""
    w = r.standard_normal((n, min(n, 1024)), dtype=np.float32)
    other = w + noise * r.standard_normal(w.shape, dtype=np.float32)
    return -(w @ other[r.permutation(n)].T)


def geometric(r, n):
    a, b = r.random((n, 2), dtype=np.float32), r.random((n, 2), dtype=np.float32)
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))


FAMILIES = {
    "uniform": lambda r, n: r.random((n, n), dtype=np.float32),
    "normal": lambda r, n: r.standard_normal((n, n), dtype=np.float32),
    "low-rank-2": lambda r, n: low_rank(r, n, 2),
    "low-rank-4": lambda r, n: low_rank(r, n, 4),
    "low-rank-16": lambda r, n: low_rank(r, n, 16),
    "low-rank-64": lambda r, n: low_rank(r, n, 64),
    "low-rank-128": lambda r, n: low_rank(r, n, 128),
    "independent-nets": lambda r, n: low_rank(r, n, 2 * n),
    "related-nets": lambda r, n: related(r, n, 0.5),
    "distant-nets": lambda r, n: related(r, n, 8.0),
    "geometric": geometric,
    "ties-10": lambda r, n: r.integers(0, 10, (n, n)).astype(np.float32),
    "ties-1000": lambda r, n: r.integers(0, 1000, (n, n)).astype(np.float32),
    "constant": lambda r, n: np.full((n, n), 3, np.float32),
    "float64": lambda r, n: r.random((n, n)),
    "rectangular": lambda r, n: r.random((n - n // 8, n), dtype=np.float32),
}


def race(sinter, costs, rounds, clock, starts=None):
    """Seconds of each in each round, and the worst gap over spread."""
    peers = []
    seconds = {"scipy": [], "sinter": []}
    sinter.prepare(costs, starts)
    sinter.assign()
    for _ in range(rounds):
        begin = clock()
        peers = [linear_sum_assignment(cost) for cost in costs]
        seconds["scipy"].append(clock() - begin)
        begin = clock()
        sinter.assign()
        seconds["sinter"].append(clock() - begin)
    worst = max(check(c, o, *p) for c, o, p in zip(costs, sinter.outputs, peers))
    return seconds, worst


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", default="4096")
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--batches", default="64x256", help="COUNTxSIZE,... or nothing")
    parser.add_argument("--warm", default="0.02,0.2", help="shares of costs that change")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="processor time of all threads, for a machine that is busy: a second thread counts "
        "for nothing",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=pathlib.Path)
    options = parser.parse_args()
    clock = time.process_time if options.cpu_time else time.perf_counter
    sinter = Sinter(options.library, options.threads)
    found = {}

    def report(name, costs, starts=None):
        seconds, worst = race(sinter, costs, options.rounds, clock, starts)
        ratio = statistics.median(p / s for p, s in zip(seconds["scipy"], seconds["sinter"]))
        results = sinter.outputs[0][3]
        found[name] = {"ratio": round(ratio, 2), "gap": worst, "method": METHODS[int(results[3])]}
        print(
            f"{name:28s} {ratio:7.1f} x   gap/spread {worst:.0e}   {METHODS[int(results[3])]}, "
            f"{int(results[4])} paths; sinter {min(seconds['sinter']) * 1e3:.2f} ms here",
            flush=True,
        )

    for n in (int(s) for s in options.sizes.split(",") if s):
        for family in options.families.split(","):
            report(f"{family} {n}", [FAMILIES[family](np.random.default_rng(options.seed), n)])
        for share in (float(s) for s in options.warm.split(",") if s):
            r = np.random.default_rng(options.seed)
            before = low_rank(r, n, 64)
            sinter.prepare([before])
            sinter.assign()
            duals = sinter.outputs[0][2].copy()
            after = before.copy()
            rows = r.choice(n, max(1, int(share * n)), replace=False)
            after[rows] = low_rank(r, n, 64)[rows]
            report(f"warm {share:g} {n}", [after], [duals])
    for batch in (b for b in options.batches.split(",") if b):
        count, n = (int(x) for x in batch.split("x"))
        for family in ("uniform", "normal", "low-rank-16", "independent-nets"):
            r = np.random.default_rng(options.seed)
            report(f"{family} {batch}", [FAMILIES[family](r, n) for _ in range(count)])
    if options.results:
        options.results.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
