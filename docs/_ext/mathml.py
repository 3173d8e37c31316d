"""Formulas as MathML, which browsers draw without a script: docutils translates the LaTeX when the site is built."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def visit_inline(translator: Any, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    translator.body.append(latex2mathml.tex2mathml(node.astext()))
    raise nodes.SkipNode


def visit_block(translator: Any, node: nodes.math_block) -> None:
    """Write a formula of its own; wide ones scroll."""
    translator.body.append('<div class="formula" tabindex="0">')
    translator.body.append(latex2mathml.tex2mathml(node.astext().strip(), as_block=True))
    translator.body.append("</div>\n")
    raise nodes.SkipNode
