#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes sibling models of Llama shape with random weights, for timing merges of whole checkpoints.

make_models.py FOLDER [--count 3] [--parameters 254M | 1.5B] [--dtype bf16 | f32]

FOLDER/0 is the base; every other is the base plus a small task vector. Needs numpy only.
"""
import argparse
import json
import os
import struct

import numpy as np

SHAPES = {  # hidden, intermediate, layers, vocabulary; about that many parameters
    "254M": (1024, 2816, 16, 24576),
    "1.5B": (2048, 5632, 26, 32768),
}
STD = 0.02
DELTA = 0.002


def tensors(hidden, intermediate, layers, vocabulary):
    yield "model.embed_tokens.weight", (vocabulary, hidden)
    for i in range(layers):
        layer = f"model.layers.{i}."
        yield layer + "input_layernorm.weight", (hidden,)
        for name in "qkvo":
            yield layer + f"self_attn.{name}_proj.weight", (hidden, hidden)
        yield layer + "post_attention_layernorm.weight", (hidden,)
        yield layer + "mlp.gate_proj.weight", (intermediate, hidden)
        yield layer + "mlp.up_proj.weight", (intermediate, hidden)
        yield layer + "mlp.down_proj.weight", (hidden, intermediate)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (vocabulary, hidden)


def encode(x, dtype):
    if dtype == "f32":
        return x.tobytes()
    bits = x.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16).tobytes()


def write(path, shapes, values, dtype):
    size = 2 if dtype == "bf16" else 4
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes:
        end = offset + int(np.prod(shape)) * size
        header[name] = {"dtype": dtype.upper(), "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes:
            file.write(encode(values(name, shape), dtype))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--parameters", choices=SHAPES, default="254M")
    parser.add_argument("--dtype", choices=["bf16", "f32"], default="bf16")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    hidden, intermediate, layers, vocabulary = SHAPES[options.parameters]
    shapes = list(tensors(hidden, intermediate, layers, vocabulary))
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // 64,
        "num_key_value_heads": hidden // 64,
        "vocab_size": vocabulary,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16" if options.dtype == "bf16" else "float32",
    }
    for k in range(options.count):
        folder = os.path.join(options.folder, str(k))
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(config, file, indent=2)

        def values(name, shape):
            seed = [options.seed, *name.encode()]
            x = np.random.default_rng(seed).standard_normal(shape, np.float32) * np.float32(STD)
            if k > 0:
                own = np.random.default_rng([k, *seed]).standard_normal(shape, np.float32)
                x += own * np.float32(DELTA)
            return x

        path = os.path.join(folder, "model.safetensors")
        write(path, shapes, values, options.dtype)
        print(f"{path}: {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
