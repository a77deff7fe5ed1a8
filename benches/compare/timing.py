"""Clocks, and the memory of this process."""
import resource
import statistics
import time


def rate(operations, run):
    """Operations per second of `run`, in billions: the fastest of five."""
    run()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return operations / min(seconds) / 1e9


class Figures(dict):
    """Numbers by name; `runs` of what is measured, of which the median counts."""

    def __init__(self, runs):
        super().__init__()
        self.runs = runs

    def measure(self, name, run, before=lambda: None, runs=None):
        """Wall and CPU time of `run` in ms; the first run does not count."""
        wall, cpu = [], []
        for i in range((runs or self.runs) + 1):
            before()
            start, start_cpu = time.perf_counter(), time.process_time()
            run()
            if i > 0:
                wall.append(time.perf_counter() - start)
                cpu.append(time.process_time() - start_cpu)
        self[f"{name} wall"] = statistics.median(wall) * 1e3
        self[f"{name} cpu"] = statistics.median(cpu) * 1e3

    def peak(self, name):
        """The most memory that was resident, in MB."""
        self[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
