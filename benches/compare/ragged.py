"""Rows of many lengths, once through, padded to the longest of a batch: in random order, as transformers' Trainer does by
default, and with `train_sampling_strategy="group_by_length"`."""
import json
from pathlib import Path

import torch
from torch.utils.data import DataLoader, RandomSampler
from transformers.trainer_pt_utils import LengthGroupedSampler

from checkpoint import load

BATCH = 16


def collate(rows):
    padded = lambda columns: torch.nn.utils.rnn.pad_sequence(columns, batch_first=True)
    ids = [torch.tensor(row) for row, _ in rows]
    mask = padded([torch.ones_like(row) for row in ids])
    return dict(input_ids=padded(ids), attention_mask=mask, labels=torch.tensor([label for _, label in rows]))


def ragged(args, figures):
    rows = json.loads(Path(args.dir, "rows.json").read_text())
    lengths = [len(row) for row, _ in rows]
    torch.manual_seed(0)
    samplers = {"": RandomSampler(rows), ", PEFT by length": LengthGroupedSampler(BATCH, lengths=lengths)}
    model = load(args.dir, args.dtype)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-6)

    def evaluate(batches):
        with torch.inference_mode():
            for batch in batches:
                output = model(**batch)
                output.logits.argmax(-1), output.loss.item()

    def train(batches):
        for batch in batches:
            model(**batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    for name, sampler in samplers.items():
        batches = DataLoader(rows, batch_size=BATCH, sampler=sampler, collate_fn=collate)
        model.eval()
        figures.measure(f"forward 1,000 rows{name}", lambda: evaluate(batches))
        model.train()
        figures.measure(f"train 1,000 rows{name}", lambda: train(batches))
        padded = sum(batch["input_ids"].numel() for batch in batches)
        figures[f"padding{name}"] = 100 * (1 - sum(lengths) / padded)
