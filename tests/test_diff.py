"""Differences: none of a network with itself, mirrored the other way round, sums that add up, one edit told as one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import count, islice, pairwise
from pathlib import Path
from random import Random

import jsonschema
import pytest
from random_networks import random_network
from zoo import FILES, first_two, stem

import cnndsl
from cnndsl import diff
from cnndsl.analysis.cost import total
from cnndsl.cli.main import main
from cnndsl.diff import Difference, compare, diff_json, diff_markdown, diff_text
from cnndsl.diff.changes import changes, path_of
from cnndsl.diff.costs import Block
from cnndsl.diff.pairing import paired
from cnndsl.draw.difference import diff_html, diff_svg
from cnndsl.ir.graph import Graph

SCHEMA = json.loads((Path(diff.__file__).parent / "diff.schema.json").read_text())
MIRROR = {"added": "removed", "removed": "added", "changed": "changed"}
LARGE = 250  # layers; larger networks are compared with themselves alone


def network(body: str, before: str = "") -> Graph:
    return cnndsl.loads(f"{before}\nnetwork n {{\ninput 3x32x32\n{body}\n}}").graph


def told(difference: Difference) -> list[tuple[str, str, int]]:
    return [(change.kind, change.text, len(change.places)) for change in difference.changes]


def neighbours() -> Iterator[tuple[Graph, Graph]]:
    """Networks of one file, and the first ones of files that follow each other."""
    small = [[graph for graph in first_two(path) if len(graph) < LARGE] for path in FILES]
    yield from ((both[0], both[1]) for both in small if len(both) == 2)
    yield from pairwise(both[0] for both in small[::3] if both)


@pytest.mark.parametrize("path", FILES, ids=stem)
def test_a_network_does_not_differ_from_itself(path: Path) -> None:
    for graph in first_two(path):
        assert changes(graph, graph, paired(graph, graph)) == []
        assert not compare(graph, graph)


def check_sums(difference: Difference) -> None:
    """The parts and the rest of each part make it up; the whole is the network."""
    whole, *_ = difference.blocks
    assert whole.old == difference.old.cost and whole.new == difference.new.cost
    inside: list[list[Block]] = []
    for block in reversed(difference.blocks):
        while len(inside) <= block.level + 1:
            inside.append([])
        if parts := inside[block.level + 1]:
            assert total(each.old for each in parts) == block.old
            assert total(each.new for each in parts) == block.new
            parts.clear()
        inside[block.level].append(block)


def edits(difference: Difference) -> Counter[tuple[str, ...]]:
    """What became of which layer of the old and the new network."""
    places = ((change.kind, place) for change in difference.changes for place in change.places)
    found = ((kind, *(path_of(each) if each else "" for each in (place.old, place.new))) for kind, place in places)
    return Counter(found)


def check(old: Graph, new: Graph) -> None:
    """Its numbers add up, and the other way round each edit is undone."""
    difference = compare(old, new)
    back = {(MIRROR[kind], new, old): count for (kind, old, new), count in edits(compare(new, old)).items()}
    assert edits(difference) == back
    check_sums(difference)


def test_differences_of_the_zoo_mirror_and_add_up() -> None:
    for old, new in neighbours():
        check(old, new)


@pytest.mark.parametrize("seed", range(20))
def test_differences_of_random_networks_mirror_and_add_up(seed: int) -> None:
    old, new = (cnndsl.loads(random_network(2 * seed + each)).graph for each in (0, 1))
    check(old, new)


# --- one edit


def edited(text: str, random: Random) -> tuple[str, str]:
    """A text with one edit, and what kind of change that is: a layer more, one less, or another number."""
    kind = random.choice(("added", "removed", "changed"))
    if kind == "added":
        at = random.choice([match.end() for match in re.finditer(r"-> bn\b", text)] or [0])
        return (f"{text[:at]} -> hardtanh{text[at:]}" if at else text), kind
    if kind == "removed":
        found = random.choice([*re.finditer(r" -> (relu|bn|sigmoid|tanh|gelu|silu)\b(?! \d)", text), None])
        return (text[: found.start()] + text[found.end() :] if found else text), kind
    found = random.choice([*re.finditer(r"(?<=conv \dx\d, )\d+", text), None])
    return (f"{text[: found.start()]}{int(found[0]) + 1}{text[found.end() :]}" if found else text), kind


def one_edit(seed: int) -> tuple[Graph, Graph, str] | None:
    """A random network and what an edit makes of it, if that is a network too and the edit reaches it."""
    random, text = Random(seed), random_network(seed)
    other, kind = edited(text, random)
    try:
        old, new = cnndsl.loads(text).graph, cnndsl.loads(other).graph
    except cnndsl.ArchError:
        return None
    return (old, new, kind) if str(old) != str(new) else None


@pytest.mark.parametrize("edits", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_one_edit_is_told_as_one(edits: int) -> None:
    """At least 95 of 100; a number that other layers are computed from may change these too."""
    cases = list(islice((case for seed in count() if (case := one_edit(seed))), edits))
    alone = [[change.kind for change in compare(old, new).changes] == [kind] for old, new, kind in cases]
    assert sum(alone) >= 0.95 * edits


BASE = "conv 3x3, 8 -> bn -> relu as a\nconv 3x3, 8 -> bn as b\nadd { | from a | from b }\nrelu"


@pytest.mark.parametrize(
    "body, wanted",
    [
        (BASE.replace("3x3", "5x5", 1), [("changed", "conv: kernel 3x3 -> 5x5", 1)]),
        (BASE.replace("-> relu as a", "-> gelu as a"), [("changed", "relu: now gelu", 1)]),
        (BASE.replace("add {", "max {"), [("changed", "add: now max", 1)]),
        (BASE.replace("from a | from b", "from b | from b"), [("changed", "add: reads b.bn, no longer a.relu", 1)]),
        (BASE.replace("from a | from b", "from b | from a"), [("changed", "add: reads the same in another order", 1)]),
        (BASE.replace("| from b }", "| from b | from a }"), [("changed", "add: reads also a.relu", 1)]),
        (BASE + "\nresidual { conv 3x3, 8 }", [("added", "conv 3x3, 8", 1), ("added", "add", 1)]),
        (
            BASE + "\nhead aux, train_only=true { global_avgpool }",
            [("added", "global_avgpool", 1), ("added", "output aux", 1)],
        ),
    ],
)
def test_what_is_told_of_an_edit(body: str, wanted: list[tuple[str, str, int]]) -> None:
    found = compare(network(BASE), network(body))
    assert told(found) == wanted


def test_another_way_to_write_a_network_is_no_difference() -> None:
    nested = "block unit() { conv 3x3, 8 -> bn }"
    parts = "stage { unit -> relu as first\nunit as second }\nadd { | from first | from second }\nrelu"
    assert not compare(network(BASE), network(parts, nested))


def test_another_nesting_hides_no_edit() -> None:
    units = [f"conv 3x3, {width} -> bn -> relu" for width in (4, 8, 12, 16)]
    blocks = "\n".join(f"block unit{at}() {{ {unit} }}" for at, unit in enumerate(units)).replace("12", "13")
    nested = "stage { stage { unit0 -> unit1 }\nunit2 }\nstage { unit3 }"
    assert told(compare(network("\n".join(units)), network(nested, blocks))) == [
        ("changed", "conv: filters 12 -> 13", 1)
    ]


def test_weights_that_are_shared_are_a_difference() -> None:
    once = "conv 3x3, 3, bias=false as a\nconv 3x3, 3, bias=false as b"
    assert told(compare(network(once), network(once.replace("conv 3x3, 3, bias=false as b", "again a")))) == [
        ("changed", "conv: weights of its own -> of a", 1)
    ]


# --- what is written


def test_json_has_its_form() -> None:
    for old, new in (
        ("resnet18", "resnet34"),
        ("googlenet", "inception_v3"),
        ("alexnet", "alexnet"),
        ("vgg16", "siamese"),
    ):
        document = json.loads(diff_json(compare(cnndsl.load(old).graph, cnndsl.load(new).graph)))
        jsonschema.validate(document, SCHEMA)
        assert document["same"] is (old == new)


def test_pictures_ring_what_changed() -> None:
    difference = compare(cnndsl.load("vgg16").graph, cnndsl.load("vgg19").graph)
    assert diff_svg(difference).count('class="ring added"') == 3
    assert 'class="ring' not in diff_svg(compare(difference.old.graph, difference.old.graph))
    assert diff_html(difference).count("<svg") == 1 and "http" not in diff_html(difference).replace(
        "http://www.w3.org/2000/svg", ""
    )
    assert "| + | `conv 3x3, 256` | stage3.conv4 | vgg.arch:20 |" in diff_markdown(difference)
    assert diff_text(difference).splitlines()[2].split() == ["+", "conv", "3x3,", "256", "stage3.conv4", "vgg.arch:20"]


# --- the command


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with two versions of a file that uses another."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git("init", "-q")
    (tmp_path / "blocks.arch").write_text("block unit(n) { conv 3x3, n -> bn }\n")
    (tmp_path / "net.arch").write_text('use unit from "blocks.arch"\nnetwork net {\n  input 3x8x8\n  unit 4\n}\n')
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "first")
    (tmp_path / "blocks.arch").write_text("block unit(n) { conv 5x5, n -> bn }\n")
    return tmp_path


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True)


def test_a_file_as_it_was(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "HEAD:net.arch", "net.arch"]) == 1
    assert "conv: kernel 3x3 -> 5x5" in capsys.readouterr().out
    assert main(["diff", "HEAD:net.arch:net", "HEAD:net.arch"]) == 0


def test_git_shows_differences_by_it(repository: Path) -> None:
    (repository / ".gitattributes").write_text("*.arch diff=cnndsl\n")
    (repository / "net.arch").write_text((repository / "net.arch").read_text().replace("unit 4", "unit 5"))
    (repository / "blocks.arch").write_text("block unit(n) { conv 3x3, n -> bn }\n")
    driver = f'sh -c \'{sys.executable} -m cnndsl diff HEAD:"$0" "$0" || true\''
    done = subprocess.run(
        ["git", "-c", f"diff.cnndsl.command={driver}", "diff", "net.arch"], capture_output=True, text=True, check=True
    )
    assert "conv: filters 4 -> 5" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["diff", "vgg16", "vgg16"], 0, "no difference"),
        (["diff", "vgg16", "-p", "classes=10"], 1, "linear: features 1000 -> 10"),
        (["diff", "vgg16", "--old", "classes=10", "-p", "classes=10"], 0, "no difference"),
        (["diff", "vgg16"], 2, "give two networks"),
        (["diff", "vgg16", "vgg17"], 2, "there is no file vgg17"),
        (["diff", "HEAD:none.arch", "vgg16"], 2, "there is no none.arch in HEAD"),
        (["diff", "nowhere:net.arch", "vgg16"], 2, "git finds nothing: not a valid object name"),
        (["diff", "vgg16", "vgg19", "-o", "x.jpg"], 2, "say --format"),
        (["diff", "broken.arch", "vgg16"], 1, "there is no layer"),
        (["diff", "empty.arch", "lenet5"], 1, "has no `input`"),
        (["diff", "empty.arch", "empty.arch", "--format", "html"], 1, "has no `input`"),
        (["diff", "broken.arch", "empty.arch", "--format", "svg"], 1, "has no `input`"),
        (["diff", "-", "-"], 2, "standard input can be one of the two"),
    ],
)
def test_how_the_command_ends(
    repository: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    (repository / "empty.arch").write_text("network empty {\n}\n")
    (repository / "broken.arch").write_text("network broken {\n  input 3x8x8\n  conv 3x3, 4\n  convv 3x3, 4\n}\n")
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert said in out + err
