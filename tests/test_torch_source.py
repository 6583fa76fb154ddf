"""The generated Python file as a text: what a reader sees, and what tools for readers say about it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from random_networks import random_network
from zoo import FILES, graphs

import cnndsl
from cnndsl.backends.torch import generate
from cnndsl.backends.torch.layout import WIDTH, lay_out
from cnndsl.backends.torch.reserved import global_names, reserved_names
from cnndsl.backends.torch.sharing import plant
from cnndsl.ir import Graph
from cnndsl.passes.settle_bias import settle_bias
from cnndsl.version import __version__

GOLDEN = Path(__file__).parent / "golden" / "torch"
PROJECT = Path(__file__).parent.parent / "pyproject.toml"

BLOCK = "block unit(filters, stride = 1, k = 3) {{ {body} }}\nnetwork net {{ input 3 x 16 x 16\n {calls} }}"


def graph(text: str) -> Graph:
    return cnndsl.loads(text).graph


def source(text: str) -> str:
    return generate(graph(text))


def classes(text: str) -> dict[str, str]:
    """The classes of generated source by name: the text of each."""
    return {
        node.name: ast.get_source_segment(text, node) or ""
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef)
    }


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*.arch")), ids=lambda path: path.stem)
def test_golden(case: Path, request: pytest.FixtureRequest) -> None:
    text = generate(cnndsl.load(case).graph).replace(f"cnndsl {__version__}.", "cnndsl VERSION.")
    golden = case.with_suffix(".py")
    if request.config.getoption("--renew", default=False):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def zoo() -> Iterator[tuple[str, Graph]]:
    """The first two networks of each file, which are the most unlike."""
    for path in FILES:
        yield from list(graphs(path).items())[:2]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source of every network at hand: the zoo, the goldens, and random ones."""
    folder = tmp_path_factory.mktemp("sources")
    folder.joinpath("pyproject.toml").write_text(PROJECT.read_text(encoding="utf-8"), encoding="utf-8")
    for name, graph in zoo():
        folder.joinpath(f"{name}.py").write_text(generate(graph), encoding="utf-8")
    for case in GOLDEN.glob("*.arch"):
        folder.joinpath(f"golden_{case.stem}.py").write_text(generate(cnndsl.load(case).graph), encoding="utf-8")
    for seed in range(30):
        folder.joinpath(f"random_{seed}.py").write_text(source(random_network(seed)), encoding="utf-8")
    return folder


@pytest.mark.parametrize("arguments", [["check"], ["format", "--diff"]], ids=" ".join)
def test_ruff_has_nothing_to_say(everything: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
    done = subprocess.run(command, cwd=everything, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_imports_only_torch_and_the_standard_library(everything: Path) -> None:
    for path in everything.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                top = module.partition(".")[0]
                assert top == "torch" or top in sys.stdlib_module_names, f"{path.name} imports {module}"


def test_what_a_file_reads_from_elsewhere_is_reserved() -> None:
    texts = [case.read_text(encoding="utf-8") for case in GOLDEN.glob("*.arch")]
    graphs = [cnndsl.load("fractalnet40").graph, *map(graph, [*texts, *map(random_network, range(20))])]
    for each in graphs:
        text = generate(each)
        defined = {node.name for node in ast.parse(text).body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
        assert global_names(text) - defined <= reserved_names(plant(settle_bias(each))) | {"annotations"}


def test_source_is_made_without_torch() -> None:
    program = (
        "import sys; sys.modules['torch'] = None; import cnndsl;"
        "assert 'class Googlenet' in cnndsl.load('googlenet').source()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_same_graph_gives_the_same_text() -> None:
    program = "import cnndsl, sys; sys.stdout.write(cnndsl.load('googlenet').source())"
    runs = [
        subprocess.run([sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True)
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout == cnndsl.load("googlenet").source()


def test_instances_that_differ_in_numbers_share_a_class() -> None:
    calls = "unit 8 -> unit 16, stride=2 -> unit 16, k=5"
    found = classes(source(BLOCK.format(body="conv k, filters, /stride -> bn -> relu", calls=calls)))
    assert list(found) == ["Unit", "Net"]
    assert "def __init__(self, in_channels: int, filters: int, k: int, stride: int = 1)" in found["Unit"]
    assert "nn.Conv2d(in_channels, filters, k, stride=stride, padding=k // 2, bias=False)" in found["Unit"]
    for call in ("Unit(3, 8, 3)", "Unit(8, 16, 3, stride=2)", "Unit(16, 16, 5)"):
        assert call in found["Net"]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("conv 1x1, 4 * filters -> relu", "nn.Conv2d(in_channels, 4 * filters, 1)"),
        ("conv 1x1, filters // 2 -> relu", "nn.Conv2d(in_channels, filters // 2, 1)"),
        ("conv 1x1, filters * k -> relu", "nn.Conv2d(in_channels, filters * k, 1)"),
        ("conv 1x1, 2 * in.channels -> relu", "nn.Conv2d(in_channels, 2 * in_channels, 1)"),
        ("conv 1x1, 7 -> relu", "nn.Conv2d(in_channels, 7, 1)"),
        ("conv 1x1, filters + 3 * k * k", "nn.Conv2d(in_channels, conv_filters, 1)"),
        ("scale 1 / k -> conv 1x1, filters", "return self.conv(x * self.factor)"),
    ],
)
def test_numbers_are_said_in_terms_of_parameters(body: str, wanted: str) -> None:
    found = classes(source(BLOCK.format(body=body, calls="unit 8 -> unit 16, k=5 -> unit 24, k=7 -> relu")))
    assert wanted in found["Unit"]


def test_whole_floats_count_as_integers() -> None:
    text = source(BLOCK.format(body="conv 3x3, filters -> relu", calls="unit 16 * 0.5 -> unit 8 * 1.5"))
    assert "Unit(3, 8)" in text and "Unit(8, 12)" in text


def test_what_is_equal_everywhere_is_no_argument() -> None:
    found = classes(source(BLOCK.format(body="conv 3x3, filters -> bn -> relu", calls="unit 3 -> unit 3")))
    assert "def __init__(self) -> None" in found["Unit"]
    assert "nn.Conv2d(3, 3, 3, padding=1, bias=False)" in found["Unit"]


def test_blocks_of_other_structure_get_a_class_of_their_own() -> None:
    text = source(
        "block unit(n, gate: bool = false) { conv 3x3, n -> relu\n"
        " if gate { mul { | identity | global_avgpool -> conv 1x1, n -> sigmoid as gate } } }\n"
        "network net { input 3 x 8 x 8\n unit 8\n unit 8, gate=true\n unit 4 }"
    )
    assert list(classes(text)) == ["Unit", "UnitWithGate", "Net"]


def test_runs_of_equal_parts_are_folded() -> None:
    text = source(
        BLOCK.format(body="residual { conv 3x3, filters -> bn }", calls="conv 1x1, 8\n repeat 600 { unit 8 }")
    )
    assert 'self.add_module(f"unit{i}", Unit())' in text and "for i in range(1, 601):" in text
    assert len(text.splitlines()) < 90


def test_dense_layers_grow_in_a_loop() -> None:
    text = source("network net { input 4 x 8 x 8\n dense 5 { bn -> relu -> conv 3x3, 12 } }")
    assert 'self.add_module(f"layer{i}", DenseLayer(4 + 12 * (i - 1)))' in text
    assert 'x = getattr(self, f"layer{i}")(x)' in text


@pytest.mark.parametrize(
    ("merge", "wanted"),
    [
        ("add", 'return sum(getattr(self, f"branch{i}")(x) for i in range(1, 33))'),
        ("mean", 'return sum(getattr(self, f"branch{i}")(x) for i in range(1, 33)) / 32'),
        ("mul", 'return math.prod(getattr(self, f"branch{i}")(x) for i in range(1, 33))'),
        ("concat", 'return torch.cat([getattr(self, f"branch{i}")(x) for i in range(1, 33)], dim=1)'),
    ],
)
def test_wide_merges_are_loops(merge: str, wanted: str) -> None:
    assert wanted in source(f"network net {{ input 8 x 8 x 8\n {merge} {{ repeat 32 {{ | conv 1x1, 4 }} }} }}")


def test_comments_of_blocks_become_docstrings() -> None:
    text = source(
        '# Quotes """, a \\ and\n# two lines.\n'
        + BLOCK.format(body="conv 1x1, filters", calls="unit 4").replace("\n", "\n", 1)
    )
    unit = next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == "Unit")
    assert (ast.get_docstring(unit) or "").startswith('Quotes """, a \\ and\ntwo lines.\n\n`unit`, from <text>:3.')


def test_the_header_tells_the_facts() -> None:
    docstring = ast.get_docstring(ast.parse(cnndsl.load("googlenet").source())) or ""
    for fact in (
        "6,998,552",
        "1,582,671,872",
        "N x 3 x 224 x 224",
        "googlenet.arch",
        'load_file("googlenet.safetensors")',
    ):
        assert fact in docstring


def expressions() -> list[str]:
    names = [f"a_rather_long_name_{i}" for i in range(9)]
    called = [f"self.{name}(x)" for name in names]
    return [
        f"x = torch.cat([{', '.join(called)}], dim=1)",
        f"return {' + '.join(called)}",
        f"x = ({' + '.join(called)}) / 9",
        f"x = self.relu({' * '.join(names)})",
        f"x = self.{'very_' * 12}long(self.{'name_' * 10}of(x)) if self.training else None",
        f"self.x = chain({', '.join(f'{name}=nn.ReLU()' for name in names)})",
    ]


@pytest.mark.parametrize("statement", expressions())
def test_long_statements_are_broken_and_mean_the_same(statement: str) -> None:
    lines = lay_out(statement, "")
    assert len(lines) > 1 and max(map(len, lines)) <= WIDTH
    joined = re.sub(r",(?=[)\]}])", "", re.sub(r"\s+", "", "\n".join(lines)))
    same = ast.unparse(ast.parse("\n".join(lines)).body[0]) == ast.unparse(ast.parse(statement).body[0])
    assert same, joined
