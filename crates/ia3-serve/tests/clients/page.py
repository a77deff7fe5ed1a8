"""Opens the page of `ia3 serve` in headless Chromium and checks that three models answer side by side.

    python page.py target/debug/ia3 [SCREENSHOT.png]

It needs Chromium (`apt-get install chromium`).
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import program


def chromium(*options):
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def finished(url):
    """The page once every answer has its figures. Chromium's virtual time does not wait for a stream, so a busy machine may show a
    page whose answers are not all there yet."""
    for _ in range(5):
        page = chromium("--dump-dom", url)
        if len(re.findall(r"\d+ tokens, ", page)) == 3:
            return page
    raise AssertionError(page)


def main():
    with tempfile.TemporaryDirectory() as folder:
        base = program.base_with_words(pathlib.Path(folder))
        with program.server(sys.argv[1], base) as (address, _):
            url = f"{address}/?prompt=w3+w5&tokens=8&run"
            page = finished(url)
            answers = re.findall(r"<pre[^>]*>([^<]*)</pre>", page)
            # An answer may end at once.
            assert len(answers) == 3 and all(re.fullmatch(r"(w\d+ ?){0,8}", text) for text in answers), answers
            assert len(set(answers)) > 1, f"the adapters do nothing: {answers}"
            if len(sys.argv) > 2:
                chromium(f"--screenshot={sys.argv[2]}", "--window-size=1100,520", url)
    print("the page shows the answers of three models side by side")


main()
