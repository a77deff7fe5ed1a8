"""The parts on batches of one length."""
import torch

from checkpoint import load

NEW = 32
PROMPT = 512
ADAPTERS = 8


def ids(rows, width):
    """The ids that our side makes too."""
    return (torch.arange(rows * width) * 7919 % 1000 + 2).reshape(rows, width)


def inputs(args, model, rows):
    input_ids = ids(rows, args.input)
    if model.peft_config["default"].task_type == "SEQ_CLS":
        labels = torch.zeros(rows, 1, dtype=torch.long)
    else:
        labels = ids(rows, args.target) if args.target else input_ids
    return dict(input_ids=input_ids, attention_mask=torch.ones_like(input_ids), labels=labels)


def no_cache(model):
    """What keeps keys and values from being kept, where a model would."""
    return {} if model.config.model_type == "bert" else {"use_cache": False}


def forward(args, figures):
    model = load(args.dir, args.dtype).eval()
    given = inputs(args, model, args.rows) | no_cache(model)
    with torch.inference_mode():
        figures.measure("forward", lambda: model(**given))
        figures.peak("forward peak")
        model.merge_adapter()
        figures.measure("forward merged", lambda: model(**given))


def train(args, figures):
    model = load(args.dir, args.dtype).train()
    given = inputs(args, model, args.rows) | no_cache(model)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-6)

    def step():
        model(**given).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    figures.measure("train step", step)
    figures.peak("train peak")


def mixed(args, figures):
    """PEFT takes `adapter_names` for (IA)^3 and ignores them, so each row is a pass after a switch."""
    model = load(args.dir, args.dtype).eval()
    names = [f"row{i}" for i in range(ADAPTERS)]
    for i, name in enumerate(names):
        model.load_adapter(f"{args.dir}/adapter_{'ab'[i % 2]}", name)
    given, more = inputs(args, model, ADAPTERS), no_cache(model)
    by_row = [{key: tensor[i : i + 1] for key, tensor in given.items()} for i in range(ADAPTERS)]

    def a_pass_an_adapter():
        for name, row in zip(names, by_row):
            model.set_adapter(name)
            with torch.inference_mode():
                model(**row, **more)

    figures.measure("8 rows, 8 adapters", a_pass_an_adapter)


def generate(model, input_ids, tokens):
    with torch.inference_mode():
        model.generate(input_ids=input_ids, attention_mask=torch.ones_like(input_ids), max_new_tokens=tokens,
                       min_new_tokens=tokens, do_sample=False, num_beams=1, use_cache=True, pad_token_id=0)


def decode(args, figures):
    model = load(args.dir, args.dtype).eval()
    for rows in (1, args.rows):
        figures.measure(f"decode 32, batch {rows}", lambda: generate(model, ids(rows, args.input), NEW))
    figures.peak("decode peak")


def prompt(args, figures):
    model = load(args.dir, args.dtype).eval()
    figures.measure(f"prompt {PROMPT}", lambda: generate(model, ids(1, PROMPT), 1))


def adapters(args, figures):
    model = load(args.dir, args.dtype).eval()

    def delete():
        if "b" in model.peft_config:
            model.delete_adapter("b")

    few = max(args.runs, 5)
    figures.measure("load adapter", lambda: model.load_adapter(f"{args.dir}/adapter_b", "b"), delete, few)
    names = ["b", "default"]

    def switch():
        model.set_adapter(names[0])
        names.reverse()

    figures.measure("switch", switch, runs=4 * few)
    model.set_adapter("default")
    figures.measure("merge", model.merge_adapter, model.unmerge_adapter, few)


def start(args, figures):
    generate(load(args.dir, args.dtype).eval(), ids(1, args.input), 1)
