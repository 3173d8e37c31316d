"""The parts of a page with viewers: scripts and styles inside it, and a policy that forbids everything else.

The policy (Content-Security-Policy) allows the one script by its SHA-256, pictures that are inside the page, and no
connection to any host. Data stand in blocks that browsers do not execute.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from layerox.viewers.arrays import json_in_page

# Entries: the script of a page, and the module of a widget.
PAGE, WIDGET = "report_page.js", "notebook_widget.js"
IMPORT = re.compile(r'^import [^;]*? from "\./([\w]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=function|class|const)", re.MULTILINE)
MIME = {"svg": "image/svg+xml", "png": "image/png"}
# Characters that HTML does not allow: control characters and surrogates (file names that are not UTF-8).
FOREIGN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@cache
def source_of(name: str) -> str:
    """Return the text of a file of this package."""
    return (files("layerox.viewers") / name).read_text(encoding="utf-8")


@cache
def bundled(entry: str) -> str:
    """Return a module with all that it imports as one text, each module once and after those that it needs."""
    found: dict[str, str] = {}
    _collect(entry, found)
    return "\n".join(found.values())


def _collect(name: str, found: dict[str, str]) -> None:
    text = source_of(name)
    for other in IMPORT.findall(text):
        if other not in found:
            _collect(other, found)
    found[name] = EXPORT.sub("", IMPORT.sub("", text))


@cache
def style() -> str:
    """Return the style sheet of the viewers."""
    return source_of("style.css")


@cache
def policy(has_viewers: bool) -> str:
    """Return the meta element with the policy of a page: no connection, and no script but that of the viewers."""
    digest = base64.b64encode(hashlib.sha256(_script().encode("utf-8")).digest()).decode("ascii")
    script = f"script-src 'sha256-{digest}'; " if has_viewers else ""
    rules = f"default-src 'none'; {script}style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}">'


@cache
def _script() -> str:
    return f"\n{bundled(PAGE)}"


def script_element() -> str:
    """Return the script of a page with viewers; it stands at the end of the page."""
    return f'<script type="module">{_script()}</script>'


def viewer(kind: str, document: Mapping[str, Any], static: str) -> str:
    """Return a viewer and its data, as HTML.

    Parameters
    ----------
    kind
        "fit", "series" or "structure".
    document
        Its data, with coded arrays.
    static
        What stands there in print and where no script runs, as HTML.
    """
    identity = f"lx-data-{kind}"
    return (
        f'<div class="lx-viewer" data-kind="{kind}" data-source="{identity}">'
        f'<div class="lx-static">{static}</div></div>\n'
        f'<script type="application/json" id="{identity}">{json_in_page(document)}</script>'
    )


def picture_element(content: bytes, kind: str, words: str) -> str:
    """Return a picture ("svg" or "png") inside the page; `words` describe it to those who do not see it."""
    data = base64.b64encode(content).decode("ascii")
    return f'<img alt="{escape(words, quote=True)}" src="data:{MIME[kind]};base64,{data}">'


def viewer_page(title: str, body: str, *, more_style: str = "") -> str:
    """Return a whole page; `title` is plain text, `body` HTML. Only a page with viewers has a script."""
    has_viewers = '<div class="lx-viewer"' in body
    rules, styles, script = (policy(True), style(), script_element()) if has_viewers else (policy(False), "", "")
    whole = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{rules}\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{more_style}{styles}</style>\n</head>\n<body>\n{body}\n"
        f"{script}\n</body>\n</html>\n"
    )
    return FOREIGN.sub("\ufffd", whole)
