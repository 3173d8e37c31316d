"""Sphinx settings of the site: `python -m sphinx -W -n -b html docs docs/_build/html`.

The site is built and read without network: system fonts, MathML, no script of another host. Code cells are executed
when the site is built, from the root of the repository, and write to out/.
"""

import os
import sys
import sysconfig
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
(HERE.parent / "out").mkdir(exist_ok=True)
# Cells that begin with "!" call the command of the Python that builds the site.
os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
os.environ |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "COLUMNS": "100"}
os.environ |= {"TTY_COMPATIBLE": "0", "TTY_INTERACTIVE": "0"}  # no progress display among the printed lines

project = "layerox"
author = "The layerox developers"
copyright = author
release = version = version_of("layerox")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "mathml", "generated_pages"]
exclude_patterns = ["_build", "_ext", "**.ipynb_checkpoints"]
html_math_renderer = "mathml"
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!layerox\.[a-z_]+$).*")]

myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
suppress_warnings = ["myst.xref_missing_hash"]

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 240
nb_merge_streams = True
nb_output_stderr = "warn"
nb_ipywidgets_js = {}
nb_number_source_lines = False

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
add_module_names = False
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_preprocess_types = False

smartquotes_action = "De"  # no curly quotes: P'2 can be copied
html_theme = "furo"
html_title = f"layerox {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
copybutton_prompt_text = r">>> |\.\.\. |\$ |!"
copybutton_prompt_is_regexp = True
