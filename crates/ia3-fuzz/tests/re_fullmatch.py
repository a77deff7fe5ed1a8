"""Answers what Python's re.fullmatch says: one JSON list per line, [pattern, [text, ...]], and one answer per line.

The answer is null for a pattern that Python refuses, "slow" for one that takes longer than a second, and otherwise a list
with true for every text that matches.
"""

import json
import re
import signal
import sys
import warnings


class Slow(Exception):
    pass


def slow(_signal, _frame):
    raise Slow


def answer(pattern, texts):
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        compiled = re.compile(pattern)
        return [compiled.fullmatch(text) is not None for text in texts]
    except (re.error, OverflowError, RecursionError):
        return None
    except Slow:
        return "slow"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


warnings.simplefilter("ignore")
signal.signal(signal.SIGALRM, slow)
for line in sys.stdin:
    print(json.dumps(answer(*json.loads(line))), flush=True)
