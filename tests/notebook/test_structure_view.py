"""The view of a structure: one page without network, and a static picture where no page is shown."""

import html
import re

import pytest

from layerox.builders import build_structure
from layerox.errors import InputError
from layerox.notebook import view


def test_the_page_is_small_and_needs_no_network():
    """Fifty atoms; a page with the script of a general plotting library took five megabytes."""
    shown = view(build_structure("P2", formula="Na2/3Ni1/3Mn2/3O2", supercell=(2, 2, 1)))
    assert len(shown.page) < 300_000
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", shown.page)
    assert "Content-Security-Policy" in shown.page


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError, match="choose from layer, phase, element"):
        view(build_structure("P2"), colour="mood")


def test_a_page_and_a_picture_are_saved(tmp_path):
    shown = view(build_structure("O1", formula="CoO2"))
    shown.write(tmp_path / "o1.html")
    shown.write(tmp_path / "o1.svg")
    assert (tmp_path / "o1.html").read_text(encoding="utf-8") == shown.page
    assert (tmp_path / "o1.svg").read_text(encoding="utf-8") == shown.picture


def test_a_notebook_has_the_page_and_other_front_ends_the_picture():
    shown = view(build_structure("P2"))
    bundle = shown._repr_mimebundle_()
    (source,) = re.findall(r'srcdoc="([^"]*)"', bundle["text/html"])
    assert html.unescape(source) == shown.page
    assert bundle["image/svg+xml"].startswith("<svg")


def test_the_picture_is_in_the_page_for_print_and_without_script():
    shown = view(build_structure("P2"))
    assert f'<div class="lx-static">{shown.picture}</div>' in shown.page
