#!/usr/bin/env python
"""The PEFT side of the runner `compare`: one part of the measurements in a process of its own.

  run_peft.py export DIR --config JSON    write DIR/base, DIR/adapter_a, DIR/adapter_b with random weights, and
                                          DIR/rows.json for a classifier
  run_peft.py PART DIR --rows N --input N [--target N] --runs N --threads T
                                          print one JSON object, name -> number: medians of N runs in ms, wall and CPU
                                          time, and the peak of resident memory in MB; the model computes in --dtype
  run_peft.py machine - --threads T       print the rates of large products in GFLOP/s
"""
import argparse
import json
import os
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
PARTS = ["machine", "products", "forward", "train", "mixed", "decode", "prompt", "adapters", "ragged", "start"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["export", *PARTS])
    parser.add_argument("dir")
    parser.add_argument("--config", help="config.json of the model to export")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--input", type=int)
    parser.add_argument("--target", type=int)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    return parser.parse_args()


def main(args):
    # transformers on its own names.
    warnings.simplefilter("ignore", FutureWarning)
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(args.threads)
    if args.part == "export":
        import checkpoint

        return checkpoint.export(args.dir, json.loads(args.config))
    import parts
    from timing import Figures

    figures = Figures(args.runs)
    if args.part == "machine":
        import machine

        machine.machine(figures)
    elif args.part == "products":
        import products

        products.products(args, figures)
    elif args.part == "ragged":
        import ragged

        ragged.ragged(args, figures)
    else:
        getattr(parts, args.part)(args, figures)
    print(json.dumps(figures))


if __name__ == "__main__":
    main(arguments())
