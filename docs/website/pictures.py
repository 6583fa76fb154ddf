"""The pictures that a page's commands draw, shown below them: what is seen is what the command wrote just now."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

from cnndsl.cli.main import main
from cnndsl.shipped import shipped
from website.blocks import FENCE, blocks, save_named

COMMAND = re.compile(r"^\$ cnndsl ((?:draw|field|compare|diff) .*-o \w+\.svg)$", re.MULTILINE)


def with_pictures(page: Path, text: str, folder: Path) -> str:
    """The text with pictures below its commands, which are written into `folder`, beside the page at `drawn/NAME`."""
    commands = [command for block in FENCE.finditer(text) for command in _commands(block)]
    if not commands:
        return text
    folder.mkdir(parents=True)
    save_named(blocks(page), folder)
    (folder / "archs").symlink_to(shipped("archs"))
    with chdir(folder), redirect_stdout(StringIO()):
        for command in commands:
            main(shlex.split(command))
    return FENCE.sub(lambda block: "\n\n".join([block[0], *_shown(block, page.stem)]), text)


def _commands(block: re.Match[str]) -> list[str]:
    return COMMAND.findall(block["body"]) if block["word"] == "console" else []


def _shown(block: re.Match[str], name: str) -> Iterator[str]:
    for command in _commands(block):
        yield f"![cnndsl {command}](drawn/{name}/{shlex.split(command)[-1]})"
