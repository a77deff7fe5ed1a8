#!/usr/bin/env python
"""The side of llama.cpp of the runner `compare`, by PyPI's package xllamacpp: one part in a process of its own.

  run_llama_cpp.py export DIR             write DIR/gguf/*.gguf from DIR/base and DIR/adapter_a
  run_llama_cpp.py check DIR --input N    print llama.cpp's instructions, and the tokens that it chooses from the float32
                                          file, with their log-probabilities
  run_llama_cpp.py PART DIR --input N --runs N --threads T
                                          print one JSON object, name -> number: medians of N runs in ms

The times are llama.cpp's own (`timings`), which leave out its server.
"""
import argparse
import json
import re
import statistics
from pathlib import Path

import xllamacpp

NEW = 32
PROMPT = 512
# By file: the end of the name of a figure, which is that of our side on the same bits.
VARIANTS = {
    "F32": "",
    "BF16": ", bfloat16 base",
    "Q8_0": ", int8 base and head, fast integers",
    "Q4_0": ", int4 base and head, fast integers",
}


def path(folder, name):
    return Path(folder, "gguf", f"{name}.gguf")


def export(args):
    # Only here, because torch has threads of its own.
    import gguf_files

    gguf_files.export(args.dir, {name: path(args.dir, name) for name in VARIANTS})


def server(file, threads, **others):
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_parallel = str(file), 2 * PROMPT, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib, params.verbosity = 0, -1
    for name, value in others.items():
        setattr(params, name, value)
    return xllamacpp.Server(params)


def completion(llama, length, tokens):
    """`tokens` tokens after the ids that our side reads too."""
    ids = [i * 7919 % 1000 + 2 for i in range(length)]
    answer = llama.handle_completions({"prompt": ids, "n_predict": tokens, "temperature": 0.0, "top_k": 1, "n_probs": 1,
                                       "ignore_eos": True, "cache_prompt": False})
    answer = answer if isinstance(answer, dict) else json.loads(answer)
    counts = [answer["timings"]["prompt_n"], answer["timings"]["predicted_n"]]
    if counts != [length, tokens]:
        raise SystemExit(f"llama.cpp read and chose {counts} tokens instead of {[length, tokens]}")
    return answer


def check(args):
    """In float32 throughout: llama.cpp's fused attention and its usual cache compute in float16."""
    exact = {"cache_type_k": xllamacpp.ggml_type.GGML_TYPE_F32, "cache_type_v": xllamacpp.ggml_type.GGML_TYPE_F32,
             "flash_attn_type": xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED}
    answer = completion(server(path(args.dir, "F32"), args.threads, **exact), args.input, NEW)
    chosen = answer["choices"][0]["logprobs"]["content"]
    instructions = " ".join(re.findall(r"(\w+) = 1", xllamacpp.get_system_info()))
    return [f"xllamacpp {xllamacpp.__version__} ({instructions})",
            [token["id"] for token in chosen], [token["logprob"] for token in chosen]]


def measure(args, length, tokens):
    """By file, the timings of the runs, of which the first one does not count."""
    for name, variant in VARIANTS.items():
        llama = server(path(args.dir, name), args.threads)
        runs = [completion(llama, length, tokens)["timings"] for _ in range(args.runs + 1)][1:]
        yield variant, runs


def decode(args):
    figures = {}
    for variant, runs in measure(args, args.input, NEW):
        name = f"decode 32, batch 1{variant}"
        figures[f"{name} wall"] = statistics.median(run["prompt_ms"] + run["predicted_ms"] for run in runs)
        # The first token is chosen at the end of the prompt.
        figures[f"{name} ms per token"] = statistics.median(run["predicted_ms"] / (NEW - 1) for run in runs)
    return figures


def prompt(args):
    return {f"prompt {PROMPT}{variant} wall": statistics.median(run["prompt_ms"] for run in runs)
            for variant, runs in measure(args, PROMPT, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["export", "check", "decode", "prompt"])
    parser.add_argument("dir")
    parser.add_argument("--input", type=int)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.part == "export":
        return export(args)
    print(json.dumps({"check": check, "decode": decode, "prompt": prompt}[args.part](args)))


if __name__ == "__main__":
    main()
