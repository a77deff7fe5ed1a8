"""Answers the rows of a data set by llama.cpp with a GGUF file, and counts the answers that are right.

    ia3 forward --base BASE.gguf --adapter A --inputs ids.safetensors --out logits.safetensors
    python benches/compare/judge_gguf.py --gguf MERGED.gguf --tokenizer DIR --data test.jsonl --logits logits.safetensors

needs `xllamacpp`, `tokenizers`, `numpy` and `safetensors`. DIR has the `tokenizer.json` of the model. The prompts of all rows have to have as
many ids as each other where --write-ids or --logits is given. --write-ids FILE writes the ids for `ia3 forward` and ends. With --logits, the
log-probabilities of the first token are compared with those of the logits.
"""

import argparse
import json
import pathlib

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer


def log_probabilities(path):
    logits = load_file(path)["logits"][:, -1].astype(np.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def server(path):
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_parallel = str(path), 2048, 1
    params.warmup, params.verbosity = False, -1
    return xllamacpp.Server(params)


def answer(llama, ids):
    request = {"prompt": ids, "n_predict": 32, "temperature": 0.0, "top_k": 1, "n_probs": 5, "cache_prompt": False}
    answer = llama.handle_completions(request)
    return (answer if isinstance(answer, dict) else json.loads(answer))["choices"][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["gguf", "tokenizer", "data", "write-ids", "logits"]:
        parser.add_argument(f"--{name}", type=pathlib.Path)
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(args.tokenizer / "tokenizer.json"))
    rows = [json.loads(line) for line in args.data.read_text().splitlines()]
    prompts = [tokenizer.encode(row["input"]).ids for row in rows]
    if args.write_ids:
        return save_file({"input_ids": np.array(prompts, dtype=np.int64)}, args.write_ids)
    ours = log_probabilities(args.logits) if args.logits else None
    llama, right, first, differences = server(args.gguf), 0, 0, []
    for i, (row, ids) in enumerate(zip(rows, prompts)):
        choice = answer(llama, ids)
        right += choice["text"].strip() == row["target"]
        if ours is not None:
            top = choice["logprobs"]["content"][0]["top_logprobs"]
            first += top[0]["id"] == ours[i].argmax()
            differences += [abs(token["logprob"] - ours[i][token["id"]]) for token in top if token["logprob"] > -3]
    print(f"{right} of {len(rows)} answers are right")
    if ours is not None:
        print(f"{first} first tokens are the same; {len(differences)} log-probabilities above -3 differ by {np.mean(differences):.2g} in the mean, {np.max(differences):.2g} at most")


if __name__ == "__main__":
    main()
