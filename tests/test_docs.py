"""The documentation is run: every example in docs/ and the README does what the page says, and its names exist.

What a fenced block is, by the word after its ``` :

    arch             a whole file, without errors and warnings; one that begins with `# NAME.arch` is also saved under
                     that name beside the page's other examples, for `use` and for commands
    arch-fragment    statements of a network, whose input the first line gives: `# input 3 x 32 x 32`
    arch-error CODE  a file or a fragment with these findings; the `text` block after it is what a check prints, with
                     `--input SHAPE` after the codes one at this shape, with `--advice CODE` one that asks for it
    arch-shapes      a line for each example, `INPUT SHAPE -> LAYERS : OUTPUT SHAPE`
    console          `$ cnndsl ...` and what it prints; a line `...` stands for any lines
    python           run in one process a page, in order; a `text` block after one is what it prints; one that begins
                     with `# NAME.py` is saved under that name instead
    toml             entry points, installed for the next arch-error of the page, which is then right
    sh, ebnf, cpp, picture, yaml  only shown (`tests/test_shells.py` runs the yaml)

What is `arch` of any kind is in canonical form, unless `unformatted` follows the word (`tests/test_format.py`).
`pytest --renew tests/test_docs.py` rewrites generated pages, and what blocks print unless it is shortened with `...`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

import pytest
from mistakes import table
from website.blocks import FENCE, NAMED, Block, blocks, save_named

import cnndsl
from cnndsl import reference
from cnndsl.checking import Request, check_file
from cnndsl.cli import explain
from cnndsl.cli.main import main
from cnndsl.cli.parser import parse
from cnndsl.diagnostics import render
from cnndsl.diagnostics.codes import lookup
from cnndsl.source import Source

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]


def diagnostics_page() -> str:
    """All codes, and how others fare with the same mistakes."""
    return explain.page() + table.section()


GENERATED: dict[str, Callable[[], str]] = {"layers.md": reference.page, "diagnostics.md": diagnostics_page}
RUN = {"arch", "arch-fragment", "arch-error", "arch-shapes", "console", "python", "text", "toml"}
SHOWN = {"sh", "ebnf", "cpp", "picture", "yaml"}

PLACE = re.compile(r"`((?:cnndsl|grammars|archs|tests|docs|benchmarks|scripts)/[\w./-]*)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


BLOCKS = [block for page in PAGES for block in blocks(page)]


def of(*words: str) -> pytest.MarkDecorator:
    chosen = [block for block in BLOCKS if block.word in words]
    return pytest.mark.parametrize("block", chosen, ids=str)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where examples run: beside `archs/`."""
    (tmp_path / "archs").symlink_to(ROOT / "archs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save_examples(page: Path, folder: Path) -> None:
    save_named((block for block in BLOCKS if block.page == page), folder)


def replace_in(page: Path, block: Block, old: str, new: str) -> None:
    """Replace `old` by `new` at the first place after the beginning of `block`."""
    text = page.read_text(encoding="utf-8")
    start = text.index(f"```{block.word} {block.rest}".rstrip() + f"\n{block.body}")
    at = text.index(old, start)
    page.write_text(text[:at] + new + text[at + len(old) :], encoding="utf-8")


# --- examples


def findings(block: Block, folder: Path) -> tuple[set[str], str]:
    """The codes that a check of an example gives, and what it prints."""
    save_examples(block.page, folder)
    name = NAMED.match(block.body)
    file = name[1] if name else "example.arch"
    text = block.body
    if first := re.match(r"# input (.+)\n", text):
        text = f"network example {{ input {first[1]}{text[first.end() - 1 :]}}}\n"  # the lines keep their numbers
    elif block.word == "arch-fragment":
        pytest.fail("a fragment begins with its input: `# input 3 x 32 x 32`")
    shape, advice = block.rest.partition("--input ")[2], block.rest.partition("--advice ")[2]
    input = tuple(map(int, shape.split("x"))) if shape else None
    request = Request(input=input, advice=frozenset(advice.split()))
    report = check_file(Source(file, text, folder / file), request).report
    return {finding.code for finding in report}, render(report, "text")


@of("arch", "arch-fragment")
def test_an_example_is_right(block: Block, folder: Path) -> None:
    assert findings(block, folder)[1] == ""


@of("arch-error")
def test_a_wrong_example_gives_what_it_says(block: Block, folder: Path, renew: bool) -> None:
    codes, text = findings(block, folder)
    assert codes == set(block.rest.partition(" --")[0].split())
    assert block.printed is not None, "the report goes into a ```text block right after the example"
    if renew:
        replace_in(block.page, block, f"```text\n{block.printed}```", f"```text\n{text}\n```")
    else:
        assert block.printed == f"{text}\n"


@of("arch-shapes")
def test_shapes(block: Block) -> None:
    for line in block.body.splitlines():
        shape, _, rest = line.partition(" -> ")
        report = check_file(Source(line, f"network example {{\ninput {shape}\n{rest}\n}}\n")).report
        assert not report.errors, render(report, "text")  # that a layer does nothing to a vector is no error


@of("console")
def test_a_session_prints_what_it_says(
    block: Block, folder: Path, renew: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_examples(block.page, folder)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    said, *commands = re.split(r"^\$ ", block.body, flags=re.MULTILINE)
    assert said == "" and commands, "a session begins with `$ `"
    session = ""
    for each in commands:
        command, _, printed = each.partition("\n")
        program, *arguments = shlex.split(command, comments=True)
        assert program == "cnndsl", f"only cnndsl is run, not {program}"
        run(arguments)
        out, err = capsys.readouterr()
        session += f"$ {command}\n{printed if matches(out + err, printed) else out + err}"
    if renew and "...\n" not in block.body:
        replace_in(block.page, block, block.body, session)
    else:
        assert session == block.body


@of("sh")
def test_a_command_that_is_only_shown_is_understood(block: Block) -> None:
    for line in block.body.splitlines():
        if line.startswith("cnndsl "):
            words = takewhile(lambda word: word not in (">", "||"), shlex.split(line, comments=True)[1:])
            parse([*words])  # exits if there is no such command, argument or choice


def run(arguments: list[str]) -> None:
    with suppress(SystemExit):  # argparse has said why
        main(arguments)


def matches(actual: str, printed: str) -> bool:
    """Exactly; or, if `printed` is shortened, with any lines where it says `...`, and columns as wide as may be."""
    if "...\n" not in printed:
        return actual == printed
    rest = re.sub(" +", " ", actual)
    first, *inner, last = re.sub(" +", " ", printed).split("...\n")
    found = rest.startswith(first)
    rest = rest.removeprefix(first)
    for run in inner:
        _, begins, rest = f"\n{rest}".partition(f"\n{run}")
        found = found and bool(begins)
    return found and rest.endswith(last)


# --- Python: a page's blocks run in one process of their own, as they may register layers

PROCESS = """
import json, sys
for place, code in json.load(sys.stdin):
    exec(compile(code, place, "exec"), globals())
    print("\\0", end="", flush=True)
"""


def python(folder: Path, *arguments: str, given: str = "") -> str:
    path = os.pathsep.join([str(folder), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "error::DeprecationWarning"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_prints_what_it_says(page: Path, folder: Path, renew: bool) -> None:
    chosen = [b for b in BLOCKS if b.page == page and b.word == "python" and not NAMED.match(b.body)]
    if not chosen:
        return
    save_examples(page, folder)
    printed = python(folder, "-c", PROCESS, given=json.dumps([(str(b), b.body) for b in chosen])).split("\0")
    for block, text in zip(chosen, printed, strict=False):
        if renew and block.printed is not None and "...\n" not in block.printed:
            replace_in(page, block, f"```text\n{block.printed}```", f"```text\n{text}```")
        elif block.printed is not None:
            assert matches(text, block.printed), f"{block} prints\n{text}"


@of("toml")
def test_a_package_brings_its_layers(block: Block, folder: Path) -> None:
    """With an entry point as the page declares it, the wrong example after it is right."""
    save_examples(block.page, folder)
    wrong = next(b for b in BLOCKS if b.page == block.page and b.line > block.line and b.word == "arch-error")
    (folder / "example.arch").write_text(wrong.body, encoding="utf-8")
    points = tomllib.loads(block.body)["project"]["entry-points"]
    about = folder / "example-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: example\nVersion: 1.0\n")
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in named.items()) for group, named in points.items()]
    (about / "entry_points.txt").write_text("".join(lines))
    assert "example.arch: ok" in python(folder, "-m", "cnndsl", "check", "example.arch")


# --- pages


def test_every_block_is_run_or_said_to_be_shown() -> None:
    assert not [str(block) for block in BLOCKS if block.word not in RUN | SHOWN]


def test_every_text_block_is_compared() -> None:
    texts = [block for block in BLOCKS if block.word == "text"]
    compared = [block for block in BLOCKS if block.word in ("arch-error", "python") and block.printed is not None]
    assert len(texts) == len(compared)


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_up_to_date(name: str, renew: bool) -> None:
    page = ROOT / "docs" / name
    if renew:
        page.write_text(GENERATED[name](), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == GENERATED[name](), "`pytest --renew tests/test_docs.py` writes it anew"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_code_that_is_named_exists(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    assert not [place for place in PLACE.findall(text) if not (ROOT / place).exists()]
    assert not [code for code in re.findall(r"\b[EW]\d{3}\b", text) if lookup(code) is None]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if not target.startswith("https://"):
            file, _, heading = target.partition("#")
            linked = page.parent / file if file else page
            assert linked.exists(), target
            assert not heading or heading in anchors(linked), target


def anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub makes anchors of them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_grammar_summary_names_every_word_of_the_language() -> None:
    grammar = (ROOT / "grammars" / "arch.lark").read_text(encoding="utf-8")
    words = set(re.findall(r'"([a-z]+)"', grammar))
    (summary,) = [block for block in BLOCKS if block.word == "ebnf"]
    assert words <= set(re.findall(r'"([a-z]+)"', summary.body))


# --- from PyTorch

SPELLING = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)
FROM_PYTORCH = (ROOT / "docs" / "from_pytorch.md").read_text(encoding="utf-8")
SPELLINGS = SPELLING.findall(FROM_PYTORCH.partition("## Spellings")[2])


@pytest.mark.parametrize(("theirs", "ours"), SPELLINGS, ids=[theirs for theirs, _ in SPELLINGS])
def test_a_spelling_is_what_lifting_writes(theirs: str, ours: str) -> None:
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Written(nn.Module):
        """A module as the page has it, or what is computed of `x`."""

        def __init__(self) -> None:
            super().__init__()
            self.module = eval(theirs, {"nn": nn}) if theirs.startswith("nn.") else None

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.module(x) if self.module else eval(theirs, {"x": x, "torch": torch, "F": F})

    text = cnndsl.lift(Written(), input=(64, 32, 32)).text
    assert ours in [re.sub(r" +: .*", "", line.strip()) for line in text.splitlines()], text
