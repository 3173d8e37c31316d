"""The codes of warnings and findings, from explanations.toml of the command line."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

HEAD = """# Codes of warnings and findings

`result.json`, `report.txt`, `run.json` and findings of `layerox check` contain these codes; `layerox explain CODE`
prints the same text.
"""


def codes_page() -> str:
    """Return the page: a section for each group of codes, with meaning and cure of each."""
    text = files("layerox.cli").joinpath("explanations.toml").read_text(encoding="utf-8")
    known = tomllib.loads(text)
    parts = [HEAD]
    for line in text.splitlines():
        if group := re.match(r"# -- (.+?) -+$", line):
            parts.append(f"## {group[1].capitalize()}\n")
        elif code := re.match(r"\[(\w+)\]$", line):
            row = known[code[1]]
            texts = _plain(row["meaning"]), f"*What to do:* {_plain(row['cure'])}"
            parts.append("\n\n".join([f"(code-{code[1]})=\n### {code[1]}", *texts, ""]))
    return "\n".join(parts)


def _plain(text: str) -> str:
    """Return a text as Markdown: signs of Markdown outside code are escaped, options are code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    escaped = re.sub(r"([*_~|<>$\[\]])", r"\\\1", text)
    return re.sub(r"(?<!\S)(\(?)(--[a-z][a-z-]*)", r"\1`\2`", escaped)
