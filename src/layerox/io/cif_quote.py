"""CIF quote: any text as one value of a CIF: text that comes from one file must not become data of another."""

from __future__ import annotations

from gemmi import cif


def quoted(text: str) -> str:
    """Return a text quoted for a CIF 1.1 file.

    What is not ASCII becomes a question mark, other control characters than ends of lines a space; a line that begins
    with a semicolon, which would end a text field, is indented.
    """
    plain = text.encode("ascii", "replace").decode()
    lines = ["".join(c if c.isprintable() else " " for c in line) for line in plain.splitlines()]
    whole = "\n".join([*lines[:1], *(f" {line}" if line.startswith(";") else line for line in lines[1:])])
    return str(cif.quote(whole))


def commented(text: str) -> str:
    """Return the lines of a text as comments of a CIF."""
    plain = text.encode("ascii", "replace").decode()
    return "".join(f"# {line}\n" for line in plain.splitlines() if line.strip())
