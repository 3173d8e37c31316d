"""Pages that the code knows: command line, codes of warnings, parameters, library. They go to docs/generated/.

Each is written before the sources are read, and only if its text has changed.
"""

from __future__ import annotations

from pathlib import Path

from command_line import command_line_page
from library_page import library_page
from parameter_dictionary import parameters_page
from sources_page import sources_page
from sphinx.application import Sphinx
from warning_codes import codes_page

PAGES = {
    "codes.md": codes_page,
    "command_line.md": command_line_page,
    "library.md": library_page,
    "parameters.md": parameters_page,
    "sources.md": sources_page,
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages when the builder starts."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app: Sphinx) -> None:
    """Write the pages whose text has changed."""
    folder = Path(app.srcdir) / "generated"
    folder.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        path, text = folder / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
