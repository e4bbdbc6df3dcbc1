"""Settings of the documentation: ``make docs``, or ``python -m sphinx -W --keep-going -n docs build/docs``."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The checkout that these pages lie in is what they document, whatever else is installed.
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

from generated import write_generated  # noqa: E402

import hmn_snn  # noqa: E402

project = "hmn-snn"
author = "the hmn-snn developers"
copyright = author
version = release = hmn_snn.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "mathml",
    "offline",
    "references",
]
exclude_patterns = ["_*", "generated/*.md", "**.ipynb_checkpoints"]
templates_path = ["_templates"]
nitpicky = True

# Pages in Markdown, and notebooks as they are stored: without outputs, since running them takes minutes.
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
myst_update_mathjax = False
nb_execution_mode = "off"

# Types stand in the docstrings, with shapes and units.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"exclude-members": "problems, end_problems, pairs, draw, in_unit"}
autosummary_generate = True
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = f"hmn-snn {version}"
html_math_renderer = "mathml"
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": html_title},
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": False,
    "navigation_with_keys": False,
}
html_sidebars = {"changelog": [], "citing": [], "glossary": [], "installation": [], "tutorial": []}

write_generated(HERE / "generated", HERE.parent / "notebooks")
