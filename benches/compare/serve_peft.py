"""The simplest server of PEFT adapters: FastAPI, one request at a time under its adapter, tokens as they are chosen.

    python serve_peft.py --base DIR --adapters DIR --port N
"""

import argparse
import json
import os
import pathlib
import queue
import threading

import torch
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from peft import PeftModel
from transformers import AutoModelForCausalLM


class Ids:
    """A streamer of `generate` that hands over ids. The first call has the prompt."""

    def __init__(self):
        self.queue, self.prompt = queue.Queue(), True

    def put(self, ids):
        if not self.prompt:
            self.queue.put(ids.view(-1).tolist())
        self.prompt = False

    def end(self):
        self.queue.put(None)


def server(base, adapters):
    torch.set_grad_enabled(False)
    names = sorted(path.name for path in pathlib.Path(adapters).iterdir())
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, f"{adapters}/{names[0]}", adapter_name=names[0])
    for name in names[1:]:
        model.load_adapter(f"{adapters}/{name}", adapter_name=name)
    model.eval()
    app, lock = FastAPI(), threading.Lock()

    def generate(request, streamer=None):
        with lock:
            model.set_adapter(request["model"])
            ids = torch.tensor([request["prompt"]])
            new = request["max_tokens"]
            return model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=new, min_new_tokens=new,
                pad_token_id=0, streamer=streamer,
            )[0, ids.shape[1] :].tolist()

    @app.get("/health")
    def health():
        return {}

    @app.post("/v1/completions")
    def completions(request: dict):
        if not request.get("stream"):
            return {"ids": generate(request)}
        streamer = Ids()
        threading.Thread(target=generate, args=(request, streamer)).start()
        events = (f"data: {json.dumps(ids)}\n\n" for ids in iter(streamer.queue.get, None))
        return StreamingResponse(events, media_type="text/event-stream")

    return app


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    for name in ["base", "adapters", "port"]:
        ap.add_argument(f"--{name}", required=True)
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    uvicorn.run(server(args.base, args.adapters), host="127.0.0.1", port=int(args.port), log_level="warning")
