"""What findings about shapes blame, and what they offer: mistakes that people make, and slips in the zoo.

A file of `tests/cases/causes/KIND/` holds one mistake: `#@` at the end of each line that may be called its cause, and
below it, as `#= LINE`, what that line may become. Its first finding must stand on such a line, and its first repair
make one of those lines. `OPEN` names those of which we know better and cannot say so yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples import examples

from cnndsl.checking import Checked, check_file
from cnndsl.diagnostics import Fix
from cnndsl.diagnostics.edits import edited
from cnndsl.ops import all_layers
from cnndsl.source import Source, read_source

ROOT = Path(__file__).resolve().parent.parent
CAUSES = ROOT / "tests" / "cases" / "causes"
FILES = sorted(CAUSES.glob("*/*.arch"))
OPEN = {
    "claims/zf_224": "an input of 225 explains the claims as well as a padding of 1",
    "residuals/inverted": "a bottleneck that grows is as usual as one that returns",
    "too_small/deep_stages": "the layer that is too large stands in a block, and the call that is too much elsewhere",
    "zero/let": "a name does not say that it is a quotient",
}
EXAMPLES = sorted({example for layer in all_layers().values() for example in layer.examples})
ZOO = sorted((ROOT / "archs").glob("*.arch"))
_SPREAD = 7
NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
ARGUMENT = re.compile(r",\s*(?:/\w+|[a-z_]+=[\w.]+)(?![\w.]|\s*[-+*/(])")


def plain(line: str) -> str:
    """A line without its comment and layout."""
    return " ".join(line.split("#")[0].split())


def repaired(checked: Checked, fix: Fix) -> str:
    return edited([fix]).sources[checked.module.source].text


def new_lines(before: str, after: str) -> str:
    lines = zip(before.split("\n"), after.split("\n"), strict=True)
    return " ; ".join(plain(new) for old, new in lines if plain(old) != plain(new))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_cause_is_named_and_mended(path: Path) -> None:
    source = read_source(path)
    marked = {number for number, line in enumerate(source.text.split("\n"), start=1) if line.endswith("#@")}
    wanted = [plain(line[2:]) for line in source.text.split("\n") if line.startswith("#=")]
    checked = check_file(source)
    (finding,) = checked.report.errors
    offered = [repaired(checked, fix) for fix in finding.fixes]
    mended = bool(offered) and new_lines(source.text, offered[0]) in wanted
    assert (mended and finding.span.line in marked) == (f"{path.parent.name}/{path.stem}" not in OPEN), (
        finding,
        offered,
    )
    assert len(offered) <= 2
    for text in offered:
        assert not check_file(Source(source.name, text, source.path)).report.errors


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_mistake_beside_any_layer_is_told(example: str) -> None:
    """In a branch that meets another: with a stride more, one pixel less, or a 1x1 of another stride."""
    shape, _, line = example.partition(" -> ")
    strided = [f"conv {kernel}, {shape.split(' ')[0]}, /3" for kernel in ("1x1", "3x3")]
    wrong = 0
    for inside in (*(f"{line} -> {conv}" for conv in strided), *(f"{conv} -> {line}" for conv in strided)):
        text = f"network n {{\n    input {shape}\n    residual {{\n        {inside}\n    }}\n}}\n"
        checked = check_file(Source("n.arch", text))
        wrong += not checked.report.ok
        for fix in checked.report.errors[0].fixes if checked.report.errors else ():
            assert not check_file(Source("n.arch", repaired(checked, fix))).report.errors
    assert wrong or "1 x 1" in shape or shape.count("x") == 0


def slips(path: Path) -> Iterator[Source]:
    """The file with one number one larger or smaller, or twice it, or without one argument that may be left out.

    Not in claims of counts, comments or the version.
    """
    text = path.read_text(encoding="utf-8")

    def instead(place: re.Match[str], *others: object) -> Iterator[Source]:
        line = text[text.rfind("\n", 0, place.start()) + 1 : place.start()]
        if "#" not in line and "expect" not in line and not line.startswith("arch"):
            for other in dict.fromkeys(others):
                yield Source(str(path), f"{text[: place.start()]}{other}{text[place.end() :]}", path)

    for number in NUMBER.finditer(text):
        was = int(number.group())
        yield from instead(number, was + 1, abs(was - 1), 2 * was or 2)
    for argument in ARGUMENT.finditer(text):
        yield from instead(argument, "")


def look_over(slip: Source, original: str) -> int:
    """Whether the slip is one of shapes alone; then it is one finding, and its repairs mend all."""
    checked = check_file(slip)
    if checked.report.ok or not all(error.code.startswith("E2") for error in checked.report.errors):
        return 0
    (finding,) = checked.report.errors
    for fix in finding.fixes:
        text = repaired(checked, fix)
        assert text == original or not check_file(Source(slip.name, text, slip.path)).report.errors
    return 1


def shape_slips(path: Path, most: int) -> int:
    """Look over so many slips of shapes, spread over the file."""
    text, every = path.read_text(encoding="utf-8"), list(slips(path))
    found = 0
    for start in range(_SPREAD):
        for slip in every[start::_SPREAD]:
            if found >= most:
                return found
            found += look_over(slip, text)
    return found


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
@pytest.mark.slow
def test_every_slip_in_a_zoo_file_is_one_finding(path: Path) -> None:
    shape_slips(path, 10_000)


@pytest.mark.parametrize("name", ["resnet", "vgg", "googlenet", "unet"])
def test_a_slip_in_a_zoo_file_is_one_finding(name: str) -> None:
    assert shape_slips(ROOT / "archs" / f"{name}.arch", examples(2)) == examples(2)
