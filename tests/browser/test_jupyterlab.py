"""JupyterLab in a headless browser with a kernel: the widgets of a notebook appear and answer."""

import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

import layerox
from layerox.io.pattern_writing import pattern_content

CELLS = (
    'import layerox as lx\npattern = lx.read_pattern("p2_o3.xye", radiation="CuKa")\n'
    'made = lx.notebook.builder("P2", "Na0.67Ni0.33Mn0.67O2")\nmade',
    'lx.notebook.fit(lx.fit(pattern, ["P2", "O3"]))',
    'lx.view(made.structure)',
)  # fmt: skip
LATER = "print('sites', len(made.structure))"
STARTED, ANSWERED = 90.0, 120_000  # seconds, milliseconds


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def lab(tmp_path):
    """Return the address of a JupyterLab in an empty folder, with the token in it; it ends with the test."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    port, token = free_port(), secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1",
               f"--IdentityProvider.token={token}", "--LabApp.news_url=", "--LabApp.check_for_updates_class="
               "jupyterlab.NeverCheckForUpdate", f"--ServerApp.root_dir={tmp_path}"]  # fmt: skip
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    own = {f"JUPYTER_{name}": str(tmp_path / "jupyter" / name.lower()) for name in names}
    paths = {"PYTHONPATH": os.path.dirname(os.path.dirname(layerox.__file__)), "PATH": os.path.dirname(sys.executable)}
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **own, **paths}, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/api?token={token}", server)
            yield f"http://127.0.0.1:{port}", token
        finally:
            server.terminate()
            server.wait(30)


def wait_for(address, server):
    """Wait until a server answers."""
    until = time.monotonic() + STARTED
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.3)
    pytest.fail("JupyterLab does not start")


def write_notebook(path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in (*CELLS, LATER)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)


@pytest.mark.slow
@pytest.mark.browser
def test_a_notebook_has_living_viewers(lab, visit, tmp_path):
    address, token = lab
    made = layerox.simulate(["P2", "O3"], weights=[0.6, 0.4], radiation="CuKa", counts=3000, seed=1)
    (tmp_path / "p2_o3.xye").write_text(pattern_content(made.pattern, tmp_path / "p2_o3.xye"))
    write_notebook(tmp_path / "viewers.ipynb")
    page = visit.page
    page.goto(f"{address}/lab/tree/viewers.ipynb?token={token}&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=ANSWERED)
    # What is run before the kernel answers is lost.
    page.wait_for_selector('.jp-StatusBar-Left:has-text("| Idle")', timeout=ANSWERED)
    page.click('.lm-MenuBar-item:has-text("Run")')
    page.click('.lm-Menu-item:has-text("Run All Cells")')
    page.wait_for_selector(".lx-builder[data-state=shown]", timeout=ANSWERED)
    page.wait_for_selector(".jp-Notebook .lx-viewer > .lx-pattern", timeout=ANSWERED)
    first = page.wait_for_selector("text=/^sites \\d+/", timeout=ANSWERED).inner_text()
    assert first.strip() == "sites 10"  # P2: two metals, four anions, four sodium sites
    page.fill(".lx-builder input[name=phase]", "O3")
    page.wait_for_selector(".lx-builder[data-phase=O3]", timeout=ANSWERED)
    page.click('.jp-CodeCell:has-text("made.structure))") .jp-InputArea-editor')
    page.keyboard.press("Control+Enter")
    page.wait_for_function("() => /sites 12/.test(document.body.innerText)", timeout=ANSWERED)  # O3: three of each
    assert re.match(r"\d", visit.data(".lx-builder")["milliseconds"])
