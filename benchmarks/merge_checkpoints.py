#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times merges of whole checkpoints, process start included, beside the system's own tools.

merge_checkpoints.py FOLDER [--rounds 5] [--disk | --sweep] [--results FILE]

FOLDER holds models 0 (the base), 1 and 2 that make_models.py wrote; outputs go beside them. Each
round runs all contenders in turn, so that they see the same machine; what counts is the median of
the rounds' ratios.

Without --disk: linear (2 models) and ties (2 models and base, density .5) against `cat` of the
inputs and `cp` of one model, on a memory file system:
    linear <= 0.7 s + 1.5 (cat + cp),  ties <= 0.7 s + 2.5 (cat + cp);
mergekit, where it is installed (mergekit-yaml on the path), does the same work.

With --disk: linear against `cat` of the inputs and `dd conv=fsync` of the output, on any file
system: the merge reads, computes, writes and syncs at >= .85 of the rate at which these two, one
after the other, only move the bytes.

With --sweep: the merging of a sweep over 11 alphas of models 0 and 1 against that of one update and
against `cp` of 11 models, which is what it takes to write the outputs' bytes:
    sweep <= 1.5 update + 11 cp,
by what the two say of themselves: without the start of the process, and without evaluation, charts
and removing candidates. The evaluator prints a constant. Outputs take room for 11 models.

Memory is what the process had for itself (RssAnon in /proc), maps of files aside.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

SINTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "sinter")

RECIPES = {
    "linear": """merge_method: linear
dtype: bfloat16
models:
- {model: "1", parameters: {weight: 0.5}}
- {model: "2", parameters: {weight: 0.5}}
""",
    "ties": """merge_method: ties
base_model: "0"
dtype: bfloat16
models:
- {model: "1", parameters: {weight: 0.5, density: 0.5}}
- {model: "2", parameters: {weight: 0.5, density: 0.5}}
""",
}


def anonymous(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def run(command, folder):
    """Seconds, and the most memory seen; fails where the command does. The seconds are those that a
    line of JSON tells of the merging, if there is one."""
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, anonymous(process.pid))
        time.sleep(0.002)
    seconds = time.monotonic() - start
    said = process.stdout.read()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {process.returncode}\n{said}")
    for line in said.splitlines():
        if line.startswith('{"event":"merged"') or line.startswith('{"event":"done","recipe"'):
            seconds = json.loads(line)["seconds"]
    return seconds, peak


def weights(folder, model):
    return os.path.join(folder, model, "model.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--disk", action="store_true")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--memory", default="1GB", help="sinter's --memory")
    parser.add_argument("--results", help="a JSON file to write")
    options = parser.parse_args()
    folder = os.path.abspath(options.folder)
    out = os.path.join(folder, "out")
    copy = os.path.join(folder, "copy")
    for name, text in RECIPES.items():
        with open(os.path.join(folder, name + ".yml"), "w") as file:
            file.write(text)
    if options.sweep:
        contenders = sweep_contenders(folder, out, copy, options.memory)
    else:
        contenders = merge_contenders(folder, out, copy, options)
    seconds = {name: [] for name in contenders}
    memory = dict.fromkeys(contenders, 0)
    names = list(contenders)
    for i in range(options.rounds + 1):  # the first warms the page cache, and is not counted
        for name in names[i % len(names):] + names[:i % len(names)]:
            clear(out, copy)
            taken, peak = run(contenders[name], folder)
            if i > 0:
                seconds[name].append(taken)
                memory[name] = max(memory[name], peak)
    clear(out, copy)
    report(options, folder, seconds, memory)


def clear(out, copy):
    shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(copy, ignore_errors=True)
    if os.path.exists(copy):
        os.remove(copy)


def sweep_contenders(folder, out, copy, memory):
    update = ["--old", "0", "--new", "1", "--device", "cpu", "--memory", memory, "--out", out]
    evaluate = os.path.join(folder, "evaluate.sh")
    with open(evaluate, "w") as file:
        file.write("""echo '{"accuracy": 0.5, "nfr": 0.5}'\n""")
    copies = f"mkdir {copy}; for i in 0 1 2 3 4 5 6 7 8 9 10; do cp {weights(folder, '1')} {copy}/$i; done"
    return {
        "update": [SINTER, "update", "--alpha", "0.3", "--no-statistics", "--json", *update],
        "cp 11": ["sh", "-c", copies],
        "sweep": [SINTER, "sweep", "--evaluator", f"sh {evaluate}", "--json", *update],
    }


def merge_contenders(folder, out, copy, options):
    contenders = {
        "cat 2": ["sh", "-c", f"cat {weights(folder, '1')} {weights(folder, '2')} > /dev/null"]
    }
    if options.disk:
        contenders["dd"] = [
            "dd", f"if={weights(folder, '1')}", f"of={copy}", "bs=8M", "conv=fsync"
        ]
    else:
        contenders["cat 3"] = [
            "sh", "-c",
            f"cat {weights(folder, '0')} {weights(folder, '1')} {weights(folder, '2')} > /dev/null",
        ]
        contenders["cp"] = ["cp", weights(folder, "1"), copy]
    for name in ["linear"] if options.disk else RECIPES:
        contenders[name] = [
            SINTER, "merge", name + ".yml", out, "--device", "cpu", "--memory", options.memory
        ]
        if shutil.which("mergekit-yaml"):
            contenders["mergekit " + name] = ["mergekit-yaml", name + ".yml", out]
    return contenders


def report(options, folder, seconds, memory):
    median = {name: statistics.median(values) for name, values in seconds.items()}
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=os.path.dirname(SINTER), capture_output=True, text=True, check=False,
    ).stdout.strip()
    result = {
        "commit": commit,
        "date": time.strftime("%Y-%m-%d"),
        "modelBytes": os.path.getsize(weights(folder, "1")),
        "disk": options.disk,
        "rounds": options.rounds,
        "memoryOption": options.memory,
        "seconds": median,
        "memory": memory,
    }
    for name, value in median.items():
        print(f"{name:16} {value:7.2f} s  {memory[name] / 1e6:7.0f} MB")
    if options.sweep:
        ratios = [
            s / (1.5 * u + c)
            for s, u, c in zip(seconds["sweep"], seconds["update"], seconds["cp 11"])
        ]
        result["sweep of allowed"] = statistics.median(ratios)
        print(f"the sweep takes {result['sweep of allowed']:.2f} of 1.5 update + 11 cp")
    elif options.disk:
        ratios = [(c + d) / m for c, d, m in zip(seconds["cat 2"], seconds["dd"], seconds["linear"])]
        result["rate"] = statistics.median(ratios)
        print(f"linear runs at {result['rate']:.2f} of the rate of cat, then dd (gate .85)")
    else:
        for name, cat, factor in [("linear", "cat 2", 1.5), ("ties", "cat 3", 2.5)]:
            allowed = [
                0.7 + factor * (c + d) for c, d in zip(seconds[cat], seconds["cp"])
            ]
            ratios = [m / a for m, a in zip(seconds[name], allowed)]
            result[name + " of allowed"] = statistics.median(ratios)
            print(
                f"{name} takes {statistics.median(ratios):.2f} of"
                f" 0.7 s + {factor} (cat + cp), which is {statistics.median(allowed):.2f} s"
            )
            if "mergekit " + name in median:
                print(f"  {median['mergekit ' + name] / median[name]:.1f} x mergekit")
    if options.results:
        with open(options.results, "w") as file:
            json.dump(result, file, indent=2)


if __name__ == "__main__":
    main()
