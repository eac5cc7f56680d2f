# SPDX-License-Identifier: Apache-2.0
"""Writes objectives.csv beside this file: scipy's optima of seeded costs that anybody can make again.

Costs are integers (exact in float32), made from splitmix64 as AssignmentTest.golden makes them; so
are their sums, and objectives are compared exactly. Needs numpy and scipy.
"""
import pathlib

import numpy as np
from scipy.optimize import linear_sum_assignment


def words(seed, count):
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, count + 1, dtype=np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def integers(seed, shape, below):
    count = int(np.prod(shape))
    return ((words(seed, count) >> np.uint64(40)).astype(np.int64) % below).reshape(shape)


def costs(family, seed, rows, columns):
    if family == "uniform":
        return integers(seed, (rows, columns), 1 << 24)
    if family == "ties":
        return integers(seed, (rows, columns), 10)
    if family.startswith("low-rank-"):
        rank = int(family[9:])
        a = integers(seed, (rows, rank), 129) - 64
        b = integers(seed + 1, (columns, rank), 129) - 64
        return a @ b.T
    if family == "geometric":
        a = integers(seed, (rows, 2), 1000)
        b = integers(seed + 1, (columns, 2), 1000)
        return ((a[:, None] - b[None]) ** 2).sum(-1)
    raise ValueError(family)


def main():
    lines = ["family,seed,rows,columns,minimum,maximum"]
    for seed, (rows, columns) in enumerate(
        [(1, 1), (1, 5), (2, 2), (7, 7), (16, 16), (31, 33), (64, 64), (100, 128), (129, 129)]
        + [(200, 257), (300, 300), (1000, 1000), (1024, 1025), (2048, 2048)]
    ):
        for family in ("uniform", "ties", "low-rank-1", "low-rank-3", "low-rank-32", "geometric"):
            cost = costs(family, 100 + 2 * seed, rows, columns)
            assert np.abs(cost).max() <= 1 << 24
            both = [
                int(cost[linear_sum_assignment(cost, maximize=m)].sum()) for m in (False, True)
            ]
            lines.append(f"{family},{100 + 2 * seed},{rows},{columns},{both[0]},{both[1]}")
    (pathlib.Path(__file__).parent / "objectives.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
