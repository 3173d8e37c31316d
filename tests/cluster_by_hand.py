"""A dask scheduler and two workers, started as anybody would start them by hand, with TLS or without."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from layerox.series.dask_cluster import Tls


def files_of_tls(folder: Path) -> Tls:
    """Return a certificate that is its own authority, and its key; openssl makes them."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*words, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return Tls(ca=cert, cert=cert, key=key)


@contextmanager
def cluster(folder: Path, tls: Tls | None = None) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Yield the address of a scheduler and its two workers, which keep their files in a folder."""
    dask, options = [sys.executable, "-m", "dask"], []
    if tls is not None:
        options = ["--tls-ca-file", str(tls.ca), "--tls-cert", str(tls.cert), "--tls-key", str(tls.key)]
    protocol = [] if tls is None else ["--protocol", "tls"]
    listening = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    command = [*dask, "scheduler", "--port", "0", "--no-dashboard", *protocol, *options]
    scheduler = subprocess.Popen(command, **listening)
    address = next(line.split("Scheduler at:")[1].strip() for line in scheduler.stderr if "Scheduler at:" in line)
    reader = threading.Thread(target=scheduler.stderr.read)  # so that what it logs later fills no pipe
    reader.start()
    command = [*dask, "worker", address, "--no-dashboard", "--nthreads", "1", "--no-nanny", *options]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    workers = [subprocess.Popen([*command, "--local-directory", str(folder)], **quiet) for _ in range(2)]
    try:
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
        reader.join()
        scheduler.stderr.close()
