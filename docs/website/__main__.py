"""`python -m website FOLDER`: build the site into FOLDER; a page that Sphinx warns of is an error."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from cnndsl.models import zoo_files
from website.build import build
from website.source import write

with TemporaryDirectory() as folder:
    write(Path(folder), zoo_files())
    sys.exit(build(Path(folder), Path(sys.argv[1])))
