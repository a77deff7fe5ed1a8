"""Searches the placement and the learning rate of `ia3 train --preset chat` on a small chat model.

    python chat_preset.py --ia3 IA3 --base SMOLLM2 --data FOLDER --out results.jsonl [--steps 40] [--table]

SMOLLM2 is the folder of SmolLM2-135M-Instruct in bfloat16. FOLDER has `sentiment/amazon_train.jsonl` (vaderSentiment's
sentences with ratings) and `few_shot/wic/32_shot/*.jsonl` (T-Few's few-shot sets of WiC). The third task, to write a sentence
as JSON, is made here. Each task has rows for training and others for validation. The first seed goes through every rate, the
other seeds through the best rate of each placement. Results that the file has already are not computed again.
"""
import argparse
import glob
import json
import os
import random
import statistics
import subprocess

LINEAR = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"
# PEFT's default for Llama is the paper's placement: keys and values by output, `down_proj` by input.
PLACEMENTS = {
    "default": [],
    "all linear, down_proj by input": ["--target", LINEAR, "--feedforward", "down_proj"],
}
RATES = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
TASKS = ["sentiment", "wic", "json"]
FIRST = "Ann Ben Carla David Emma Felix Grace Hugo Irene Jack Karen Leo Maria Noah Olga Paul Quinn Rosa Sam Tina".split()
LAST = "Miller Stone Lopez Braun Novak Haas Reed Sato Okoro Larsen Costa Weber Singh Moreau Kelly Adams".split()
CITY = "Oslo Lyon Kyoto Quito Porto Turin Ghent Delhi Lagos Perth Malmo Tartu Izmir Busan".split()
FORMS = [
    "{name}, aged {age}, lives in {city}.",
    "In {city} there is a {age}-year-old named {name}.",
    "{name} moved to {city} at the age of {age}.",
    "My neighbour in {city} is {name}, who is {age}.",
]


def chat(question, answer):
    system = {"role": "system", "content": "Answer briefly."}
    return {"messages": [system, {"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def sentiment(folder, rng):
    rows = [r for r in lines(f"{folder}/sentiment/amazon_train.jsonl") if len(r["text"]) <= 100 and abs(r["rating"]) >= 0.5]
    rng.shuffle(rows)
    ask = "Is this review positive or negative?\n"
    return [chat(ask + r["text"], ["negative", "positive"][r["label"]]) for r in rows], 100


def wic(folder, rng):
    found = {r["idx"]: r for path in sorted(glob.glob(f"{folder}/few_shot/wic/32_shot/*.jsonl")) for r in lines(path)}
    rows = [found[idx] for idx in sorted(found)]
    rng.shuffle(rows)
    ask = 'Does "{word}" mean the same in both sentences?\n{sentence1}\n{sentence2}'
    return [chat(ask.format(**r), ["no", "yes"][r["label"]]) for r in rows], 80


def as_json(_, rng):
    rows = {}
    while len(rows) < 580:
        facts = {
            "name": f"{rng.choice(FIRST)} {rng.choice(LAST)}",
            "age": rng.randint(18, 90),
            "city": rng.choice(CITY),
        }
        row = chat("Write as JSON: " + rng.choice(FORMS).format(**facts), json.dumps(facts))
        rows[row["messages"][1]["content"]] = row
    return list(rows.values()), 60


def write_tasks(folder, work):
    for task, rows in (("sentiment", sentiment), ("wic", wic), ("json", as_json)):
        rows, held_out = rows(folder, random.Random(7))
        for part, some in (("valid", rows[:held_out]), ("train", rows[held_out:])):
            with open(f"{work}/{task}_{part}.jsonl", "w") as file:
                file.writelines(json.dumps(row) + "\n" for row in some)


class Search:
    def __init__(self, args):
        self.args = args
        self.work = args.out + ".work"
        os.makedirs(self.work, exist_ok=True)
        write_tasks(args.data, self.work)
        self.results = lines(args.out) if os.path.exists(args.out) else []

    def ia3(self, *words):
        run = subprocess.run([self.args.ia3, *words], capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"ia3 {' '.join(words)}\n{run.stderr}")
        return run.stdout

    def evaluate(self, task, *adapter):
        data = f"{self.work}/{task}_valid.jsonl"
        report = json.loads(self.ia3("eval", "-q", "--base", self.args.base, *adapter, "--data", data, "--format", "json"))
        return {key: report["runs"][0][key] for key in ("score", "loss")}

    def keep(self, key, result):
        self.results.append({**key, **result})
        with open(self.args.out, "a") as file:
            file.write(json.dumps(self.results[-1]) + "\n")
        print(self.results[-1], flush=True)

    def known(self, key):
        return any(all(r[k] == v for k, v in key.items()) for r in self.results)

    def run(self, task, placement, rate, seed):
        key = {"task": task, "placement": placement, "rate": rate, "seed": seed}
        if self.known(key):
            return
        adapter = f"{self.work}/adapter"
        options = ["--steps", str(self.args.steps), "--batch-size", "8", "--optimizer", "adamw", "--lr", str(rate)]
        data = ["--data", f"{self.work}/{task}_train.jsonl", "--seed", str(seed), "--out", adapter, "--no-resume"]
        self.ia3("train", "-q", "--base", self.args.base, *PLACEMENTS[placement], *options, *data)
        self.keep(key, self.evaluate(task, "--adapter", adapter))

    def base(self):
        for task in TASKS:
            key = {"task": task, "placement": "base", "rate": 0, "seed": 0}
            if not self.known(key):
                self.keep(key, self.evaluate(task))

    def mean(self, placement, rate, value):
        found = [r[value] for r in self.results if r["placement"] == placement and r["rate"] == rate and r["seed"] == 1]
        return statistics.mean(found)

    def best_rate(self, placement):
        """The rate with the highest mean score; a lower loss decides where the scores are equal."""
        return min(RATES, key=lambda rate: (-self.mean(placement, rate, "score"), self.mean(placement, rate, "loss")))

    def search(self):
        self.base()
        for placement in PLACEMENTS:
            for rate in RATES:
                for task in TASKS:
                    self.run(task, placement, rate, 1)
        for seed in (2, 3):
            for placement in PLACEMENTS:
                for task in TASKS:
                    self.run(task, placement, self.best_rate(placement), seed)

    def table(self):
        """The medians over seeds of score and loss of each task, the mean of the tasks' scores, and how many seeds there are."""
        print("| placement | rate | " + " | ".join(TASKS) + " | mean | seeds |\n|---|---|" + "---|" * (len(TASKS) + 2))
        for placement in ["base", *PLACEMENTS]:
            for rate in sorted({r["rate"] for r in self.results if r["placement"] == placement}):
                some = [r for r in self.results if r["placement"] == placement and r["rate"] == rate]
                seeds = {r["seed"] for r in some}
                whole = {seed for seed in seeds if sum(r["seed"] == seed for r in some) == len(TASKS)}
                some = [r for r in some if r["seed"] in whole]
                if not whole:
                    continue
                median = lambda task, value: statistics.median(r[value] for r in some if r["task"] == task)
                scores = [median(task, "score") for task in TASKS]
                cells = [f"{100 * score:.0f} % ({median(task, 'loss'):.3f})" for task, score in zip(TASKS, scores)]
                cells.append(f"{100 * statistics.mean(scores):.1f} %")
                print(f"| {placement} | {rate or ''} | " + " | ".join(cells) + f" | {len(whole)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--ia3", "--base", "--data", "--out"):
        parser.add_argument(name, required=True)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--table", action="store_true", help="print the table of the results and search no further")
    args = parser.parse_args()
    search = Search(args)
    if not args.table:
        search.search()
    search.table()


main()
