"""All that a caller can mend has one root, is found in `cnndsl`, and survives the way between processes."""

from __future__ import annotations

import ast
import builtins
import pickle
from pathlib import Path

import pytest
from test_structure import FILES, PACKAGE

import cnndsl
from cnndsl.cli.main import main

API = [getattr(cnndsl, name) for name in cnndsl.__all__]
PUBLIC = [each for each in API if isinstance(each, type) and issubclass(each, cnndsl.Error)]
# Signals inside one room, caught there, what only a fault of cnndsl raises, and what a folder raises without cnndsl.
INSIDE = {
    "ArgumentError",
    "Broken",
    "Failed",
    "FolderError",
    "NoLayer",
    "RenameError",
    "TooBig",
    "TooLarge",
    "Unclear",
    "Uncomputable",
    "VerificationError",
    "_Different",
    "_GivenUp",
    "_Other",
}

MANUAL = (PACKAGE.parent / "docs" / "python.md").read_text(encoding="utf-8")


def example(error: type[cnndsl.Error]) -> cnndsl.Error:
    if error is cnndsl.ArchError:
        with pytest.raises(cnndsl.ArchError) as caught:
            cnndsl.loads("network t {\n    input 3 x 8 x 8\n    conv 3x3, 4, groups=2\n    lost\n}\n")
        return caught.value
    if error is cnndsl.LayerError:
        return cnndsl.LayerError("E204", "groups = 2 does not divide 3", argument="groups", help="groups may be 1, 3")
    if error is cnndsl.Unmatched:
        return cnndsl.Unmatched("small and theirs differ", ["theirs has no conv2", "theirs has conv3"])
    return error("cannot go on")


def classes_of_exceptions() -> dict[str, Path]:
    """The file of each class in the package that is an exception, found by its bases, and not imported for it."""
    bases: dict[str, set[str]] = {}
    files: dict[str, Path] = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                files[node.name] = path
    raised = {
        name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)
    }
    while more := {name for name, above in bases.items() if above & raised} - raised:
        raised |= more
    return {name: files[name] for name in raised & files.keys()}


def test_every_exception_is_public_with_the_root_or_stays_inside() -> None:
    found = classes_of_exceptions()
    commands = {name for name, path in found.items() if path.is_relative_to(PACKAGE / "cli")}
    assert found.keys() - INSIDE - commands == {error.__name__ for error in PUBLIC}
    assert found.keys() >= INSIDE
    assert {error.__name__ for error in PUBLIC} <= set(cnndsl.__all__)


@pytest.mark.parametrize("error", PUBLIC, ids=lambda error: error.__name__)
def test_the_manual_says_when(error: type[cnndsl.Error]) -> None:
    assert f"`{error.__name__}` | " in MANUAL or error is cnndsl.Error


@pytest.mark.parametrize("error", PUBLIC, ids=lambda error: error.__name__)
def test_an_error_pickles_with_all_it_says(error: type[cnndsl.Error]) -> None:
    made = example(error)
    again = pickle.loads(pickle.dumps(made))
    assert type(again) is error
    assert str(again) == str(made)
    assert vars(again).keys() == vars(made).keys()
    assert {name: str(value) for name, value in vars(again).items() if name != "report"} == {
        name: str(value) for name, value in vars(made).items() if name != "report"
    }


def test_a_report_is_the_same_after_pickling() -> None:
    made = example(cnndsl.ArchError)
    assert isinstance(made, cnndsl.ArchError)
    again = pickle.loads(pickle.dumps(made)).report
    assert [(each.code, str(each.span)) for each in again] == [(each.code, str(each.span)) for each in made.report]
    assert len(list(again)) == 2 and not again.ok


@pytest.mark.parametrize("error", PUBLIC, ids=lambda error: error.__name__)
def test_the_command_line_tells_any_of_them_in_its_text(
    error: type[cnndsl.Error], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = example(error)

    def fails(*_: object) -> None:
        raise made

    monkeypatch.setattr("cnndsl.models.find_model", fails)
    assert main(["check", "lenet"]) == 2
    assert capsys.readouterr().err == f"cnndsl: error: {made}\n"
