"""Drives `ia3 serve` by the programs of others: OpenAI's clients, schemathesis, HAProxy, Chromium.

    python run.py target/debug/ia3

The Python packages openai and schemathesis and the npm package openai have to be installed. What is not there is skipped aloud.
"""

import importlib.util
import pathlib
import shutil
import subprocess
import sys
import tempfile

import program

HERE = pathlib.Path(__file__).parent


def run(*command, cwd=None):
    print("==>", *command, flush=True)
    subprocess.run([str(part) for part in command], check=True, cwd=cwd)


def skip(name, reason):
    print(f"SKIPPED: {name}: {reason}", flush=True)


def main():
    ia3 = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        base = program.base_with_words(pathlib.Path(folder))
        with program.server(ia3, base, "--allow-loading") as (address, process):
            if importlib.util.find_spec("openai"):
                run(sys.executable, HERE / "openai_client.py", address, "tiny", "adapter")
            else:
                skip("openai_client.py", "the Python package openai is not installed")
            if shutil.which("node") and (HERE / "node_modules/openai").exists():
                run("node", HERE / "openai_client.mjs", address, "tiny", "adapter")
            else:
                skip("openai_client.mjs", "the npm package openai is not installed beside it")
            if importlib.util.find_spec("schemathesis"):
                checks = "not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance"
                limits = ["--max-examples", "40", "--seed", "1", "--workers", "1", "--request-timeout", "60"]
                command = [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json", "--checks", checks]
                run(*command, *limits, cwd=folder)
            else:
                skip("schemathesis", "the Python package is not installed")
            assert process.poll() is None, "the server ended"
    for tool, script in [("haproxy", "replicas.py"), ("chromium", "page.py")]:
        if shutil.which(tool):
            run(sys.executable, HERE / script, ia3)
        else:
            skip(script, f"{tool} is not installed")


main()
