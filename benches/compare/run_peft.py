#!/usr/bin/env python
"""The PEFT side of the runner `compare`: one part of the measurements in a process of its own.

  peft.py export SHAPE DIR             write DIR/base, DIR/adapter_a, DIR/adapter_b with random weights
  peft.py PART SHAPE DIR --runs N --threads T
                                       PART: forward, train, use, start; prints one JSON object, name -> number:
                                       medians of N runs in ms, wall and CPU time, and the peak of resident memory in MB
"""
import argparse
import json
import os
import resource
import statistics
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("part", choices=["export", "forward", "train", "use", "start"])
parser.add_argument("shape")
parser.add_argument("dir")
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()

import torch
import transformers
from peft import IA3Config, PeftModel, get_peft_model
from transformers import FalconConfig, FalconForCausalLM, GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
torch.set_num_threads(args.threads)

T5 = dict(dropout_rate=0.0, decoder_start_token_id=0)
SHAPES = {
    "t5-small": (T5ForConditionalGeneration, lambda: T5Config(**T5)),
    "t5-base": (T5ForConditionalGeneration, lambda: T5Config(d_model=768, d_ff=3072, num_layers=12, num_heads=12, **T5)),
    "gpt2": (GPT2LMHeadModel, lambda: GPT2Config(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, pad_token_id=0)),
    "falcon-small": (
        FalconForCausalLM,
        lambda: FalconConfig(vocab_size=50304, hidden_size=768, num_hidden_layers=12, num_attention_heads=12,
                             pad_token_id=0, bos_token_id=1, eos_token_id=1),
    ),
}
model_class, config = SHAPES[args.shape]
encoder_decoder = args.shape.startswith("t5")
batch, source, target, new = (8, 128, 16, 32) if encoder_decoder else (4, 128, None, 32)


def export():
    torch.manual_seed(0)
    model = model_class(config())
    model.save_pretrained(f"{args.dir}/base")
    for seed, name in enumerate("ab"):
        peft = get_peft_model(model, IA3Config(task_type="SEQ_2_SEQ_LM" if encoder_decoder else "CAUSAL_LM"))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for key, parameter in sorted(peft.named_parameters()):
                if "ia3_l" in key:
                    parameter.copy_(torch.rand(parameter.shape, generator=generator) + 0.5)
        peft.save_pretrained(f"{args.dir}/adapter_{name}")
        model = peft.unload()


def load():
    base = model_class.from_pretrained(f"{args.dir}/base")
    return PeftModel.from_pretrained(base, f"{args.dir}/adapter_a", is_trainable=True)


def ids(rows, width):
    return (torch.arange(rows * width) * 7919 % 1000 + 2).reshape(rows, width)


results = {}


def measure(name, run, before=lambda: None, runs=None):
    wall, cpu = [], []
    for i in range((runs or args.runs) + 1):
        before()
        start, start_cpu = time.perf_counter(), time.process_time()
        run()
        if i > 0:
            wall.append(time.perf_counter() - start)
            cpu.append(time.process_time() - start_cpu)
    results[f"{name} wall"] = statistics.median(wall) * 1e3
    results[f"{name} cpu"] = statistics.median(cpu) * 1e3


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def inputs():
    input_ids = ids(batch, source)
    labels = ids(batch, target) if encoder_decoder else input_ids
    return dict(input_ids=input_ids, attention_mask=torch.ones_like(input_ids), labels=labels)


def forward():
    model, given = load().eval(), inputs()
    with torch.inference_mode():
        run = lambda: model(**given, use_cache=False)
        measure("forward", run)
        results["forward peak"] = peak()
        model.merge_adapter()
        measure("forward merged", run)


def train():
    model, given = load().train(), inputs()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-6)

    def step():
        model(**given, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    measure("train step", step)
    results["train peak"] = peak()


def generate(model, rows, tokens):
    input_ids = ids(rows, source)
    with torch.inference_mode():
        model.generate(input_ids=input_ids, attention_mask=torch.ones_like(input_ids), max_new_tokens=tokens,
                       min_new_tokens=tokens, do_sample=False, num_beams=1, use_cache=True, pad_token_id=0)


def use():
    model = load().eval()
    for rows in (1, batch):
        measure(f"decode 32, batch {rows}", lambda: generate(model, rows, new))

    def delete():
        if "b" in model.peft_config:
            model.delete_adapter("b")

    few = max(args.runs, 5)
    measure("load adapter", lambda: model.load_adapter(f"{args.dir}/adapter_b", "b"), delete, few)
    names = ["b", "default"]

    def switch():
        model.set_adapter(names[0])
        names.reverse()

    measure("switch", switch, runs=4 * few)
    model.set_adapter("default")
    measure("merge", model.merge_adapter, model.unmerge_adapter, few)


def start():
    generate(load().eval(), 1, 1)


{"export": export, "forward": forward, "train": train, "use": use, "start": start}[args.part]()
print(json.dumps(results))
