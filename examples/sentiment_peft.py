"""The run of the example `sentiment` with PEFT: losses, accuracies, seconds a step; what the example puts beside its own.

    IA3_MINILM=... IA3_SENTIMENT=... python3 examples/sentiment_peft.py [--out DIR] [--threads 2] [--steps 120]

Needs torch, transformers, peft and safetensors, see fixtures/oracle/requirements.txt. With `--out DIR` it writes
`init_head.safetensors`, `<domain>_train.json`, `<domain>_test_logits.safetensors` and `<domain>_adapter/` into DIR, which the
example reads from the folder `peft` of its data.
"""

import argparse
import json
import os
import random
import time
from pathlib import Path

import torch
from peft import IA3Config, TaskType, get_peft_model
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import BertForSequenceClassification

DOMAINS = ["movie", "amazon", "nyt"]
BATCH, RATE, MAX_TOKENS, SEED = 16, 1e-2, 64, 0


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def collate(tokenizer, rows):
    """Ids and mask `[rows, longest]`, labels `[rows]`."""
    ids = [tokenizer.encode(row["text"]).ids for row in rows]
    longest = max(map(len, ids))
    padded = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
    return padded, (padded != 0).long(), torch.tensor([row["label"] for row in rows])


def base(path):
    """MiniLM with PEFT's start of the head, without dropout."""
    model = BertForSequenceClassification.from_pretrained(path, num_labels=2, attn_implementation="eager")
    torch.manual_seed(SEED)
    torch.nn.init.normal_(model.classifier.weight, 0, 0.02)
    torch.nn.init.zeros_(model.classifier.bias)
    return model.eval()


def shuffled(rows, count):
    """Rows in random order, round after round."""
    rng, order = random.Random(SEED), []
    while len(order) < count:
        again = list(range(rows))
        rng.shuffle(again)
        order += again
    return order[:count]


def train(model, tokenizer, rows, steps):
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.0)
    order, losses, warmup = shuffled(len(rows), steps * BATCH), [], steps * 6 // 100
    for step in range(steps):
        factor = (step + 1) / warmup if step < warmup else (steps - step) / (steps - warmup)
        for group in optimizer.param_groups:
            group["lr"] = RATE * factor
        ids, mask, labels = collate(tokenizer, [rows[i] for i in order[step * BATCH : (step + 1) * BATCH]])
        loss = torch.nn.functional.cross_entropy(model(input_ids=ids, attention_mask=mask).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return order, losses


@torch.no_grad()
def logits(model, tokenizer, rows):
    batches = [collate(tokenizer, rows[i : i + 50]) for i in range(0, len(rows), 50)]
    return torch.cat([model(input_ids=ids, attention_mask=mask).logits for ids, mask, _ in batches])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=120)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    minilm, data = (Path(os.environ[name]) for name in ("IA3_MINILM", "IA3_SENTIMENT"))
    tokenizer = Tokenizer.from_file(str(minilm / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    for domain in DOMAINS:
        rows, test = (read(data / f"{domain}_{part}.jsonl") for part in ("train", "test"))
        plain = base(minilm)
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            head = {f"classifier.{name}": p.data.clone() for name, p in plain.classifier.named_parameters()}
            save_file(head, args.out / "init_head.safetensors")
        model = get_peft_model(plain, IA3Config(task_type=TaskType.SEQ_CLS)).eval()
        start = time.perf_counter()
        order, losses = train(model, tokenizer, rows, args.steps)
        seconds = (time.perf_counter() - start) / args.steps
        tested = logits(model, tokenizer, test)
        right = sum(int(row.argmax()) == example["label"] for row, example in zip(tested, test))
        last = sum(losses[-10:]) / len(losses[-10:])
        print(
            f"  {domain:7} loss {losses[0]:.4f} -> {last:.4f}, accuracy {100 * right / len(test):.1f} %, "
            f"{seconds:.3f} s a step",
            flush=True,
        )
        if args.out:
            model.save_pretrained(args.out / f"{domain}_adapter")
            save_file({"logits": tested}, args.out / f"{domain}_test_logits.safetensors")
            (args.out / f"{domain}_train.json").write_text(json.dumps({"order": order, "losses": losses}))


if __name__ == "__main__":
    main()
