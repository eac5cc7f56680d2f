# SPDX-License-Identifier: Apache-2.0
"""Lerp, weighted sums and batches in torch, beside a copy of the same bytes in the same run.

For hosts with torch. Prints, and with --results DIR writes DIR/torch-DEVICE.json. Each figure is
the median over rounds of (time of a copy that moves as many bytes) / (time of the operation), the
contenders taking turns; on a GPU absolute times are given too.
"""
import argparse
import json
import pathlib
import statistics
import time

import torch

T = 0.3


def synchronize(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(work, repeats, device):
    synchronize(device)
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    synchronize(device)
    return (time.perf_counter() - start) / repeats


def race(contenders, rounds, device, sample=0.02):
    """Seconds of each contender in each round; contenders take turns."""
    repeats = {}
    for name, work in contenders.items():
        timed(work, 3, device)
        once = timed(work, 1, device)
        repeats[name] = max(1, min(1000, int(sample / max(once, 1e-7))))
    seconds = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            seconds[name].append(timed(work, repeats[name], device))
    return seconds


def copy_of(bytes_moved, device):
    """A copy that reads and writes bytes_moved / 2 each."""
    source = torch.randint(0, 255, (bytes_moved // 2,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def lerp(dtype, elements, device, compiled):
    a, b = (torch.randn(elements, device=device).mul_(0.02).to(dtype) for _ in range(2))
    out = torch.empty_like(a)
    contenders = {
        "copy": copy_of(3 * elements * a.element_size(), device),
        "eager": lambda: torch.lerp(a, b, T, out=out),
    }
    if compiled:
        contenders["compile"] = lambda f=torch.compile(torch.lerp): f(a, b, T)
    return contenders


def linear(dtype, elements, models, device, compiled):
    inputs = [torch.randn(elements, device=device).mul_(0.02).to(dtype) for _ in range(models)]
    weights = [(k + 1) / (models * (models + 1) / 2) for k in range(models)]

    def weighted_sum(inputs):
        total = inputs[0] * weights[0]
        for x, w in zip(inputs[1:], weights[1:]):
            total = total + x * w
        return total

    contenders = {
        "copy": copy_of((models + 1) * elements * inputs[0].element_size(), device),
        "eager": lambda: weighted_sum(inputs),
    }
    if compiled:
        contenders["compile"] = lambda f=torch.compile(weighted_sum): f(inputs)
    return contenders


def batch(dtype, each, tensors, device):
    a, b = (
        [torch.randn(each, device=device).mul_(0.02).to(dtype) for _ in range(tensors)]
        for _ in range(2)
    )
    return {
        "copy": copy_of(3 * each * tensors * a[0].element_size(), device),
        "foreach": lambda: torch._foreach_lerp(a, b, T),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", default="1048576,67108864,268435456")
    parser.add_argument("--results")
    options = parser.parse_args()
    device = torch.device(options.device)
    compiled = device.type == "cuda"
    cases = {}
    for dtype in (torch.bfloat16, torch.float32):
        kind = "bf16" if dtype == torch.bfloat16 else "f32"
        for size in map(int, options.sizes.split(",")):
            cases[f"lerp, {kind}, {size}"] = lambda d=dtype, n=size: lerp(d, n, device, compiled)
            for models in (2, 4, 8):
                cases[f"linear {models}, {kind}, {size}"] = (
                    lambda d=dtype, n=size, m=models: linear(d, n, m, device, compiled)
                )
        cases[f"batch of 4096, {kind}, {1 << 24}"] = (
            lambda d=dtype: batch(d, 4096, 4096, device)
        )
    measured = {}
    for name, make in cases.items():
        seconds = race(make(), options.rounds, device)
        result = {}
        for contender, times in seconds.items():
            if contender != "copy":
                ratios = [c / t for c, t in zip(seconds["copy"], times)]
                result[contender] = {"copyRatio": round(statistics.median(ratios), 3)}
                if device.type == "cuda":
                    microseconds = statistics.median(times) * 1e6
                    result[contender]["microseconds"] = round(microseconds, 1)
        measured[name] = result
        print(f"  {name:30s} {json.dumps(result)}", flush=True)
        if device.type == "cuda":
            torch.cuda.empty_cache()
    if options.results:
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
        slug = "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
        path = pathlib.Path(options.results) / f"torch-{slug}.json"
        everything = {"device": name, "torch": torch.__version__, "cases": measured}
        path.write_text(json.dumps(everything, indent=2) + "\n")
        print("wrote", path)


if __name__ == "__main__":
    main()
