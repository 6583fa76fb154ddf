"""The whole site as Sphinx reads it: hand-written pages with the pictures of their commands, and the made ones."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from website import networks, reference, zoo
from website.pictures import with_pictures

DOCS = Path(__file__).resolve().parent.parent
OWN = Path(__file__).resolve().parent
OUTSIDE = re.compile(r"\[([^\]]*)\]\(\.\./([\w./-]*)\)")


def write(folder: Path, files: Sequence[Path], *, drawn: bool = True) -> None:
    """Write all pages into `folder`, with a page for each network of `files` of the zoo.

    Unless they are `drawn`, pages have no pictures of their commands.
    """
    pages = sorted(DOCS.glob("*.md"))
    (folder / "index.md").write_text(index([page.stem for page in pages]), encoding="utf-8")
    shutil.copytree(DOCS / "images", folder / "images")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        if drawn:
            text = with_pictures(page, text, folder / "drawn" / page.stem)
        (folder / page.name).write_text(OUTSIDE.sub(_inside, text), encoding="utf-8")
    for place, text in _made(zoo.read(files)):
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")


def index(pages: Sequence[str]) -> str:
    """The first page, on which those that it does not name come last."""
    text = (OWN / "index.md").read_text(encoding="utf-8")
    others = [page for page in pages if not re.search(rf"^{page}$", text, re.MULTILINE)]
    return text + "\n".join(["\n```{toctree}\n:caption: More\n:hidden:\n", *others, "```\n"]) if others else text


def _made(files: Sequence[zoo.ZooFile]) -> Iterator[tuple[str, str]]:
    yield from networks.pages(files)
    yield from reference.layer_pages(zoo.users(files))
    yield from reference.code_pages()


def _inside(link: re.Match[str]) -> str:
    """A link to a file outside of the pages: to the zoo's page, else its words alone."""
    return f"[{link[1]}](networks/index.md)" if link[2].startswith("archs") else link[1]
