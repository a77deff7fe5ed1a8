"""Two replicas of `ia3 serve` behind HAProxy, of which one is killed under load: every request is answered.

    python replicas.py target/debug/ia3

It needs HAProxy (`apt-get install haproxy`).
"""

import concurrent.futures
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import program

REQUESTS = 200


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def complete(address, i):
    """The text of an answer, whose status has to be 200."""
    body = {"model": ["tiny", "adapter", "adapter_b"][i % 3], "prompt": f"w{i % 30} w5", "max_tokens": 24}
    body |= {"temperature": 0, "ignore_eos": True}
    head = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/v1/completions", json.dumps(body).encode(), head)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["choices"][0]["text"]


def balancer(first, second, port):
    config = program.REPOSITORY / "docs/deploy/haproxy.cfg"
    names = {"FIRST": first, "SECOND": second, "BIND": f"127.0.0.1:{port}"}
    names = {name: value.removeprefix("http://") for name, value in names.items()}
    return subprocess.Popen(["haproxy", "-f", config], env=os.environ | names, stderr=subprocess.DEVNULL)


def wait_for(address):
    for _ in range(200):
        try:
            return urllib.request.urlopen(f"{address}/health", timeout=5).read()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise AssertionError("the balancer does not answer")


def main():
    with tempfile.TemporaryDirectory() as folder:
        base = program.base_with_words(pathlib.Path(folder))
        with program.server(sys.argv[1], base) as (first, process), program.server(sys.argv[1], base) as (second, _):
            expected = [complete(second, i) for i in range(30)]
            port = free_port()
            proxy = balancer(first, second, port)
            try:
                address = f"http://127.0.0.1:{port}"
                wait_for(address)
                with concurrent.futures.ThreadPoolExecutor(16) as threads:
                    answers = [threads.submit(complete, address, i) for i in range(REQUESTS)]
                    while sum(answer.done() for answer in answers) < REQUESTS // 4:
                        time.sleep(0.01)
                    process.kill()
                    late = sum(not answer.done() for answer in answers)
                    texts = [answer.result() for answer in answers]
            finally:
                proxy.kill()
                proxy.wait()
            assert late > 0, "the replica was killed after the load"
            for i, text in enumerate(texts):
                assert text == expected[i % 30], f"request {i}: {text}"
    print(f"{REQUESTS} requests were answered, {late} of them after one of two replicas was killed")


main()
