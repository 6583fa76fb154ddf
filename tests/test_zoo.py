"""The zoo by existing: every file is clean, every network claims its counts, and they are the published ones.

`reference.csv` holds counts made on torchvision's and timm's models and on implementations from the papers, none of
them by this project. Its first columns say which network of the zoo a row is about, whether the train-only heads are
in ("kept": their weights are there, "run": they are computed too), and what differs, and why. No torch is needed.
"""

from __future__ import annotations

import csv
import re
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
from zoo import FILES, checked, stem

from cnndsl.analysis import Facts
from cnndsl.analysis.depth import depth
from cnndsl.cli.main import main
from cnndsl.diagnostics import render
from cnndsl.models import zoo_names
from cnndsl.syntax import tree

SHARED = sorted(FILES[0].parent.glob("std/*.arch"))
REFERENCE = list(csv.DictReader((Path(__file__).parent / "reference.csv").read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("path", [*FILES, *SHARED], ids=stem)
def test_file_has_neither_errors_nor_warnings(path: Path) -> None:
    report = checked(path).report
    assert not list(report), render(report, "text")


def exact_claims(network: tree.NetworkDefinition | tree.VariantDefinition) -> set[str]:
    """The facts about which a network says `expect FACT == ...`."""
    claims = [s.claim for s in (network.body.statements if network.body else ()) if isinstance(s, tree.Expect)]
    exact = [claim for claim in claims if isinstance(claim, tree.Operation) and claim.operators == ("==",)]
    return {claim.operands[0].id for claim in exact if isinstance(claim.operands[0], tree.Name)}


@pytest.mark.parametrize("path", FILES, ids=stem)
def test_every_network_claims_its_params_and_macs(path: Path) -> None:
    """Of the networks that can be built as they stand; a base that lacks an argument is claimed by its variants."""
    file = checked(path)
    complete = {name: file.module.networks[name] for name in file.networks}
    silent = {name: {"params", "macs"} - exact_claims(network) for name, network in complete.items()}
    assert not {name: missing for name, missing in silent.items() if missing}


def test_names_are_unique_in_the_whole_zoo() -> None:
    names = [name for name, _ in zoo_names()]
    assert sorted(names) == sorted(set(names))


@cache
def facts(network: str) -> Facts:
    return next(checked(path).facts[network] for name, path in zoo_names() if name == network)


def counts(network: str, heads: str) -> dict[str, int]:
    """What the zoo says, in the columns of the reference."""
    found = facts(network)
    weights = found.training_cost if heads else found.cost
    run = found.graph if heads == "run" else found.inference
    return {
        "params": weights.params,
        "buffers": weights.buffers,
        "macs": found.training_macs if heads == "run" else found.macs,
        "depth": depth(run),
        "weighted": sum(node.op.weighted for node in run),
    }


@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: row["name"])
def test_counts_are_those_of_the_reference(row: dict[str, str]) -> None:
    assert bool(row["why"]) == (bool(row["differs"]) or not row["network"]), "a difference has a reason, and only that"
    if not row["network"]:
        return
    ours = counts(row["network"], row["heads"])
    wrong = {column: count for column, count in ours.items() if count != int(row[column])}
    assert sorted(wrong) == sorted(row["differs"].split()), {column: (wrong[column], row[column]) for column in wrong}


# --- the command


@cache
def listed() -> dict[str, list[str]]:
    """The words of each line that `cnndsl zoo` prints, by the first: a network with its numbers, or a file's paper."""
    with redirect_stdout(StringIO()) as printed:
        assert main(["zoo"]) == 0
    return {line.split()[0].rstrip(":"): line.split() for line in printed.getvalue().splitlines() if line}


@pytest.mark.parametrize("path", FILES, ids=stem)
def test_the_listing_has_every_network_and_its_paper(path: Path) -> None:
    paper = " ".join(listed()[path.name])
    assert re.search(r" et al\. \d{4} | and \w+ \d{4} |, \w+ \d{4} ", paper), "whose paper, and when"
    assert re.search(r"\(arXiv:\d{4}\.\d{4,5}\)|\(NIPS\)|\(Proceedings of the IEEE\)", paper), "where it is to be found"
    for name, known in checked(path).facts.items():
        shape = "x".join(map(str, known.graph.inputs[0].shape))
        numbers = (f"{known.params:,}", f"{known.macs:,}", str(known.depth), str(known.receptive_field))
        assert listed()[name] == [name, shape, *numbers]
    assert listed()["network"] == ["network", "input", "parameters", "MACs", "depth", "field"]


def test_all_claims_hold_and_a_broken_one_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["zoo", "--check"]) == 0
    said = capsys.readouterr()
    assert (
        re.fullmatch(
            rf"{sum(len(checked(path).networks) for path in FILES)} networks, \d+ claims hold \(\d+\.\d s\)\n", said.out
        )
        and not said.err
    )
    text = next(path for path in FILES if path.stem == "lenet5").read_text(encoding="utf-8")
    (tmp_path / "lenet5.arch").write_text(text.replace("params == 61_706", "params == 61_707"), encoding="utf-8")
    monkeypatch.setattr("cnndsl.models.zoo_files", lambda: [tmp_path / "lenet5.arch"])
    assert main(["zoo", "--check"]) == 1
    said = capsys.readouterr()
    assert said.out == "2 networks, 7 claims were checked\n" and "error[E401]" in said.err and "61,706" in said.err


@pytest.mark.parametrize(
    "command", ["check", "summary", "draw -o net.svg", "compile --emit ir", "compile --emit source"]
)
def test_a_zoo_name_is_taken_wherever_a_file_is(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From any folder: a network's name, its file's and its own, and its file's path."""
    monkeypatch.chdir(tmp_path)
    answers = set()
    for model in ("lenet5_dense", "lenet5:lenet5_dense", f"{FILES[0].with_name('lenet5.arch')}:lenet5_dense"):
        word, *options = command.split()
        assert main([word, model, *options]) == 0
        answers.add(capsys.readouterr().out)
    assert len(answers) == 1
