"""Mutated inputs: python tests/fuzz/run.py --count 20000 --seed 1 [--kind hdf5] [--keep FOLDER]; prints JSON.

Every mutant is read by one warm child process (tests/fuzz/child.py). A fault is a traceback, more than 5 s of
processor time, more than 1 GiB of memory, a message of more than 500 characters or of several lines, or the end of the
child. Equal faults are counted together; `--keep` writes the first mutant of each. Needs Linux for memory per mutant.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1]))  # for the tests' writers of HDF5 and of cyclers' logs
sys.path.insert(2, str(Path(__file__).parents[1] / "electrochemistry"))

from mutators import mutated
from seeds import Seed, measured_seeds, written_seeds

HANG_S, MOST_MIB, MOST_CHARACTERS, PATIENCE_S = 5.0, 1024.0, 500, 90.0


class Child:
    """The process that reads mutants; started again when it ends."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def ask(self, kind: str, path: Path) -> dict[str, object]:
        """Return what came of a file."""
        if self.process is None:
            self._start()
        assert self.process is not None
        try:
            self.process.stdin.write(json.dumps({"kind": kind, "path": str(path)}) + "\n")
            self.process.stdin.flush()
            answer = self._answer()
        except OSError:
            answer = None
        if answer is not None:
            return answer
        code = self.end()
        fault = "hang" if code in (None, -signal.SIGXCPU) else f"the child ended with {code}"
        return {"fault": fault, "said": "", "length": 0, "cpu_s": PATIENCE_S, "peak_mib": 0.0}

    def end(self) -> int | None:
        """End the process and what it has started; return its exit code, None if it had to be killed."""
        if self.process is None:
            return None
        try:
            code = self.process.wait(1.0 if self.process.poll() is None else None)
        except subprocess.TimeoutExpired:
            code = None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                stream.close()
        self.process = None
        return code

    def _start(self) -> None:
        words = [sys.executable, str(Path(__file__).with_name("child.py"))]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
        self.process = subprocess.Popen(words, text=True, env=environment, start_new_session=True, **pipes)
        assert self._answer() is not None, "the child does not start"

    def _answer(self) -> dict[str, object] | None:
        assert self.process is not None
        if not select.select([self.process.stdout], [], [], PATIENCE_S)[0]:
            return None
        line = self.process.stdout.readline()
        return json.loads(line) if line.endswith("\n") else None


def fault_of(found: dict[str, object]) -> str:
    """Return what is wrong with an outcome, "" if nothing is."""
    if found["fault"]:
        return str(found["fault"])
    if found["cpu_s"] > HANG_S:
        return "hang"
    if found["peak_mib"] > MOST_MIB:
        return "more than 1 GiB"
    return "a long message" if found["length"] > MOST_CHARACTERS else ""


def fuzzed(count: int, seed: int, kind: str | None = None, keep: Path | None = None) -> dict[str, object]:
    """Read so many mutants; return figures and faults."""
    began, draw, child = time.perf_counter(), random.Random(seed), Child()
    faults: dict[tuple[str, str], dict[str, object]] = {}
    counts, refused, largest = Counter[str](), 0, {"cpu_s": 0.0, "peak_mib": 0.0, "length": 0}
    with tempfile.TemporaryDirectory(prefix="layerox-fuzz-") as name:
        place = Path(name)
        (place / "seeds").mkdir()
        seeds = [s for s in (*written_seeds(place / "seeds"), *measured_seeds()) if kind in (None, s.kind)]
        weights = [s.weight for s in seeds]
        for number in range(count):
            (chosen,) = draw.choices(seeds, weights)
            path = written(chosen, place / "mutant", draw)
            found = child.ask(chosen.kind, path)
            counts[chosen.kind] += 1
            refused += bool(found["length"]) and not found["fault"]
            largest = {key: max(value, found[key]) for key, value in largest.items()}
            if fault := fault_of(found):
                row = faults.setdefault((chosen.kind, fault), {"count": 0, "first": number, "said": found["said"]})
                row["count"] += 1
                if row["count"] == 1 and keep is not None:
                    shutil.copytree(place / "mutant", keep / f"{number:06d}-{chosen.kind}", dirs_exist_ok=True)
        child.end()
    return {
        "mutants": count, "seed": seed, "kinds": dict(counts), "refused": refused, "largest": largest,
        "wall_s": round(time.perf_counter() - began, 1), "faulty": sum(row["count"] for row in faults.values()),
        "faults": [{"kind": k, "fault": fault, **row} for (k, fault), row in sorted(faults.items())],
    }  # fmt: skip


def written(seed: Seed, place: Path, draw: random.Random) -> Path:
    """Write a mutant and the files beside it into an empty folder; return its path."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name, data in seed.files.items():
        (place / name).write_bytes(mutated(data, name, draw) if name == seed.target else data)
    return place / seed.target


def main() -> int:
    """Run as told by the command line; 1 if there are faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind")
    parser.add_argument("--keep", type=Path)
    report = fuzzed(**vars(parser.parse_args()))
    print(json.dumps(report, indent=1))
    return 1 if report["faulty"] else 0


if __name__ == "__main__":
    sys.exit(main())
