"""Child: the warm process that reads mutants, in 4 GiB and little time for each; it talks in lines of JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
import warnings
from pathlib import Path

ADDRESS_SPACE, CPU_S = 4 * 2**30, 20
MIB = 2**20


def main() -> None:
    """Read what is named on the input until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.path.insert(0, str(Path(__file__).parent))
    from readers import READERS

    warnings.simplefilter("ignore")
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(outcome(READERS[asked["kind"]], Path(asked["path"]))), file=answers, flush=True)


def outcome(reader: object, path: Path) -> dict[str, object]:
    """Return what came of a file: the fault if there is one, the message, seconds and MiB."""
    used = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + CPU_S, resource.RLIM_INFINITY))
    _forget_peak()
    fault, said = _tried(reader, path)
    return {"fault": fault, "said": said[:2000], "length": len(said), "cpu_s": round(time.process_time() - used, 3),
            "peak_mib": _peak()}  # fmt: skip


def _tried(reader: object, path: Path) -> tuple[str, str]:
    from layerox.errors import LayeroxError

    try:
        reader(path)
    except LayeroxError as error:
        message = str(error)
        return ("more than one line" if len(message.splitlines()) > 1 else ""), message
    except MemoryError:
        return "memory", traceback.format_exc(limit=-8)
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if "layerox" in f.filename]
        where = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "?"
        return f"{type(error).__name__} at {where}", traceback.format_exc(limit=-8)
    return "", ""


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak() -> float:
    """Return the largest resident memory since it was forgotten, MiB; or of the whole life of this process."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
