"""Loads `ia3 serve`, and the simplest server of PEFT adapters (serve_peft.py), over HTTP on one machine.

    python benches/compare/serving.py --ia3 target/release/ia3 --base DIR --out DIR

DIR of --base is a decoder, such as SmolLM2-135M-Instruct, whose ids below --vocab are words. The adapters, which have random vectors, are written below
--out. Parts (--only):

- `closed`: --clients clients, each of which sends its next request when the last one is answered, each request under the next
  adapter. Both servers in turns, --rounds times; requests and tokens per second, and their ratio.
- `first`: the time to the first token of a stream while the other clients run as in `closed`.
- `overload`: for --seconds, twice as many requests per second as `ia3 serve` answered in `closed`, whatever is answered. Every request
  has to be answered with 200 or 429, and the memory of the process is printed over time.
"""

import argparse
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import threading
import time


def write_adapters(base, out, count):
    """Adapters of PEFT. All but the first are links to its files; a server reads each by itself."""
    import torch
    from peft import IA3Config, get_peft_model
    from transformers import AutoModelForCausalLM

    first = out / "a0"
    if not first.exists():
        torch.manual_seed(0)
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), IA3Config(task_type="CAUSAL_LM", init_ia3_weights=False))
        for name, value in model.named_parameters():
            if "ia3_l" in name:
                torch.nn.init.normal_(value, 1.0, 0.1)
        model.save_pretrained(first)
    for i in range(1, count):
        folder = out / f"a{i}"
        if not folder.exists():
            folder.mkdir()
            for file in ["adapter_config.json", "adapter_model.safetensors"]:
                os.link(first / file, folder / file)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def running(command, port):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            if process.poll() is not None:
                sys.exit(f"{command[0]} ended with status {process.returncode}")
            with contextlib.suppress(OSError):
                if send(port, "GET", "/health")[0] == 200:
                    break
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(60)


def send(port, method, path, body=None, timeout=600):
    """The status and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def first_token(port, body):
    """The seconds until the first event of a stream."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    start = time.perf_counter()
    connection.request("POST", "/v1/completions", json.dumps(body | {"stream": True}), {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    response.readline()
    seconds = time.perf_counter() - start
    response.read()
    connection.close()
    return seconds


def request(args, i):
    ids = random.Random(i).choices(range(3, args.vocab), k=args.prompt)
    return {"model": f"a{i % args.adapters}", "prompt": ids, "max_tokens": args.new_tokens, "temperature": 0, "ignore_eos": True}


def closed(args, port, count, streams=0):
    """Seconds of `count` requests by all clients, and the seconds to the first token of `streams` clients."""
    numbers, firsts, lock = iter(range(count)), [], threading.Lock()

    def client(streaming):
        while True:
            with lock:
                i = next(numbers, None)
            if i is None:
                return
            if streaming:
                firsts.append(first_token(port, request(args, i)))
                continue
            status, body = send(port, "POST", "/v1/completions", request(args, i))
            assert status == 200, body
    threads = [threading.Thread(target=client, args=(i < streams,)) for i in range(args.clients)]
    start = time.perf_counter()
    [t.start() for t in threads]
    [t.join() for t in threads]
    return time.perf_counter() - start, firsts


def servers(args, ports):
    for_peft = args.out / "few"
    ours = [args.ia3, "serve", "--base", args.base, "--adapters", args.out / "adapters", "--port", str(ports[0]), "--rows", str(args.clients)]
    ours += ["--tokens", str(args.prompt + args.new_tokens), "--queue", str(args.queue), "--max-adapters", str(max(args.adapters, 1))]
    peft = [sys.executable, pathlib.Path(__file__).with_name("serve_peft.py"), "--base", args.base, "--adapters", for_peft, "--port", str(ports[1])]
    return [[str(part) for part in command] for command in (ours, peft)]


def compare(args):
    ports = [free_port(), free_port()]
    ours, peft = servers(args, ports)
    rates, firsts = ([], []), ([], [])
    for _ in range(args.rounds):
        for side, command in enumerate((ours, peft)):
            count = args.requests if side == 0 else max(args.requests // 8, args.clients + 4)
            with running(command, ports[side]):
                closed(args, ports[side], min(args.adapters, count) if side == 0 else 2)
                seconds, _ = closed(args, ports[side], count)
                rates[side].append(count / seconds)
                if "first" in args.only:
                    firsts[side].extend(closed(args, ports[side], count, streams=max(args.clients // 8, 1))[1])
            print(f"  side {side}: {rates[side][-1]:.3f} requests per second", file=sys.stderr, flush=True)
    median = statistics.median
    (own, other), new = map(median, rates), args.new_tokens
    print(f"{args.clients} clients, prompts of {args.prompt} tokens, {new} new tokens, {args.adapters} adapters\n")
    print("| | `ia3 serve` | FastAPI, transformers, PEFT | |\n|---|---|---|---|")
    print(f"| tokens per second | {own * new:.1f} | {other * new:.1f} | {own / other:.1f} |")
    if firsts[0]:
        a, b = median(firsts[0]), median(firsts[1])
        print(f"| seconds to the first token, median | {a:.2f} | {b:.2f} | {a / b:.3f} |")
    return own


def memory(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def overload(args, rate):
    """An open loop: requests are sent by the clock, and each has a thread of its own until it is answered."""
    port = free_port()
    counts, latest, threads = collections.Counter(), [0.0], []
    with running(servers(args, [port, 0])[0], port) as process:
        closed(args, port, min(args.adapters, 64))
        if rate is None:
            seconds, _ = closed(args, port, args.requests)
            rate = args.requests / seconds

        def one(i):
            start = time.perf_counter()
            try:
                counts[send(port, "POST", "/v1/completions", request(args, i), timeout=300)[0]] += 1
            except OSError as error:
                counts[type(error).__name__] += 1
            latest[0] = max(latest[0], time.perf_counter() - start)
        start, i, shown = time.perf_counter(), 0, 0
        print(f"\n{2 * rate:.2f} requests per second for {args.seconds} s, twice what is answered\n\n| after | memory |\n|---|---|")
        while (now := time.perf_counter() - start) < args.seconds:
            if now >= shown * args.seconds / 10:
                print(f"| {now:.0f} s | {memory(process.pid):.0f} MB |", flush=True)
                shown += 1
            if i <= now * 2 * rate:
                threads.append(threading.Thread(target=one, args=(i,)))
                threads[-1].start()
                i += 1
                threads = [t for t in threads if t.is_alive()]
            else:
                time.sleep(0.002)
        [t.join() for t in threads]
        print(f"| all answered | {memory(process.pid):.0f} MB |")
        answered = ", ".join(f"{count} with {status}" for status, count in sorted(counts.items(), key=str))
        print(f"\n{i} requests: {answered}; the longest took {latest[0]:.1f} s")
        assert sum(counts.values()) == i and set(counts) <= {200, 429}, "a request was not answered"


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--ia3", type=pathlib.Path, required=True)
    ap.add_argument("--base", type=pathlib.Path, required=True)
    ap.add_argument("--out", type=pathlib.Path, required=True)
    ap.add_argument("--only", type=lambda text: text.split(","), default=["closed", "first"])
    for name, value in dict(
        clients=64, prompt=32, new_tokens=32, adapters=64, requests=256, rounds=3, queue=128, seconds=3600, vocab=1000
    ).items():
        ap.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    args = ap.parse_args()
    for folder in [args.out / "adapters", args.out / "few"]:
        folder.mkdir(parents=True, exist_ok=True)
        write_adapters(args.base, folder, args.adapters)
    rate = compare(args) if "closed" in args.only else None
    if "overload" in args.only:
        overload(args, rate)


main()
