"""Checkpoints and adapters with random weights, and rows of many lengths."""
import json
import os
import random
from pathlib import Path

import torch
from peft import IA3Config, PeftModel, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

# By model_type: the class, and PEFT's name of the task.
TASKS = {
    "t5": (AutoModelForSeq2SeqLM, "SEQ_2_SEQ_LM"),
    "bert": (AutoModelForSequenceClassification, "SEQ_CLS"),
}
OTHERS = (AutoModelForCausalLM, "CAUSAL_LM")
LENGTHS = Path(__file__).with_name("lengths.json")


def export(folder, fields):
    torch.manual_seed(0)
    os.makedirs(folder, exist_ok=True)
    model_class, task = TASKS.get(fields["model_type"], OTHERS)
    more = {"decoder_start_token_id": 0} if task == "SEQ_2_SEQ_LM" else {}
    config = AutoConfig.for_model(**{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1} | more | fields)
    model = model_class.from_config(config)
    if task == "SEQ_CLS":
        Path(folder, "rows.json").write_text(json.dumps(rows()))
    model.save_pretrained(f"{folder}/base")
    for seed, name in enumerate("ab"):
        adapted = get_peft_model(model, IA3Config(task_type=task))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for key, parameter in sorted(adapted.named_parameters()):
                if "ia3_l" in key:
                    parameter.copy_(torch.rand(parameter.shape, generator=generator) + 0.5)
        adapted.save_pretrained(f"{folder}/adapter_{name}")
        model = adapted.unload()


def rows():
    """1,000 rows with classes, in random order; their lengths are every third of the sorted lengths of real sentences."""
    sentences = json.loads(LENGTHS.read_text())["sentences_by_tokens"]
    lengths = [int(length) for length, count in sentences.items() for _ in range(count)]
    lengths = sorted(lengths)[1::3]
    random.Random(0).shuffle(lengths)
    return [([2 + (row * 31 + i * 17) % 900 for i in range(length)], row % 2) for row, length in enumerate(lengths)]


def load(folder, dtype="float32"):
    model_class, _ = TASKS.get(AutoConfig.from_pretrained(f"{folder}/base").model_type, OTHERS)
    base = model_class.from_pretrained(f"{folder}/base", dtype=getattr(torch, dtype))
    return PeftModel.from_pretrained(base, f"{folder}/adapter_a", is_trainable=True)
