"""Starts `ia3 serve` for the scripts of this folder."""

import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import threading

REPOSITORY = next(folder for folder in pathlib.Path(__file__).resolve().parents if (folder / "fixtures/llama").is_dir())
TEMPLATE = "{% for m in messages %}{{ m.content }} {% endfor %}{% if add_generation_prompt %}w7{% endif %}"


def base_with_words(folder: pathlib.Path) -> pathlib.Path:
    """The tiny Llama of the fixtures with a tokenizer whose token i is the word wi, and a chat template."""
    source = REPOSITORY / "fixtures/llama/base"
    base = folder / "tiny"
    shutil.copytree(source, base)
    vocab = json.loads((base / "config.json").read_text())["vocab_size"]
    words = {f"w{i}": i for i in range(vocab)}
    model = {"type": "WordLevel", "unk_token": "w0", "vocab": words}
    tokenizer = {"version": "1.0", "pre_tokenizer": {"type": "WhitespaceSplit"}, "model": model}
    (base / "tokenizer.json").write_text(json.dumps(tokenizer))
    (base / "chat_template.jinja").write_text(TEMPLATE)
    return base


@contextlib.contextmanager
def server(program: str, base: pathlib.Path, *options: str):
    """The address of a server for a base and the adapters of the tiny Llama, and its process."""
    command = [program, "serve", "--base", base, "--adapters", REPOSITORY / "fixtures/llama", "--port", "0"]
    command += ["--model-name", "tiny", "--rows", "8", "--tokens", "64", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = None
        while address is None:
            line = process.stdout.readline()
            assert line, "the server ended"
            address = re.search(r"http://\S+", line)
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield address.group(), process
    finally:
        process.kill()
        process.wait()
