"""The house stays a house: imports go one way, and the light path stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import networkx as nx
import pytest

import cnndsl.analysis
import cnndsl.passes

PACKAGE = Path(__file__).resolve().parent.parent / "cnndsl"

# Each room may import only rooms that stand before it.
ROOMS = (
    "version",
    "lazily",
    "records",
    "errors",
    "files",
    "machine",
    "processes",
    "shipped",
    "table",
    "extras",
    "cache",
    "source",
    "diagnostics",
    "ops",
    "habits",
    "syntax",
    "ir",
    "elaborate",
    "passes",
    "analysis",
    "bundle",
    "models",
    "revisions",
    "trials",
    "repairs",
    "checking",
    "reference",
    "fixing",
    "diff",
    "comparison",
    "sweeping",
    "draw",
    "formatting",
    "foreign",
    "alignment",
    "states",
    "photographs",
    "kernels",
    "backends",
    "saving",
    "export",
    "architecture",
    "weights",
    "bundled",
    "features",
    "lifting",
    "benching",
    "",  # cnndsl/__init__.py, the public API
    "train",
    "quantizing",
    "notebook",
    "editor",
    "lsp",
    "cli",
    "__main__",
)
ONLY_IMPORTERS = {
    "networkx": ("ir",),
    "lark": ("syntax",),
    "triton": ("kernels", "backends"),
    "pygls": ("lsp",),
    "lsprotocol": ("lsp",),
}
# The templates, and what compiles and launches them: no problem, plan or rule.
TRITON_FILES = (
    "kernels/templates/*.py",
    "kernels/aot.py",
    "kernels/built.py",
    "kernels/specialization.py",
    "backends/triton/compiler.py",
    "backends/triton/execute.py",
    "backends/triton/table.py",
)
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES
}


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """The modules a file imports, anywhere in it: in functions and for types alone, too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            assert node.module is not None
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in MODULES else node.module for name in names)


def test_every_file_is_in_a_known_room() -> None:
    assert {room(path) for path in FILES} <= set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    here = ROOMS.index(room(path))
    for module in imports(path):
        top, _, rest = module.partition(".")
        if top == "cnndsl":
            target = rest.partition(".")[0]
            target = target if target in ROOMS else ""
            assert ROOMS.index(target) <= here, f"{path} reaches right: {module}"
        elif top in ONLY_IMPORTERS:
            assert room(path) in ONLY_IMPORTERS[top], f"{path} imports {top}"
            assert top != "triton" or any(path.relative_to(PACKAGE).match(each) for each in TRITON_FILES), path


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = nx.DiGraph((name, other) for name, path in MODULES.items() for other in imports(path) if other in MODULES)
    circles = [sorted(each) for each in nx.strongly_connected_components(graph) if len(each) > 1]
    assert circles == []


def test_the_package_itself_imports_no_room() -> None:
    program = "import sys, cnndsl; print(*(name for name in sys.modules if name.startswith('cnndsl.')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {*done.stdout.split()} == {"cnndsl.errors", "cnndsl.lazily", "cnndsl.version"}


@pytest.mark.parametrize("package", [cnndsl, cnndsl.analysis, cnndsl.passes], ids=lambda each: each.__name__)
def test_what_a_package_offers_is_there(package: ModuleType) -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = package.nonsense


def test_a_clean_file_needs_nothing_that_takes_long_to_import() -> None:
    program = (
        "import sys; from cnndsl.cli.main import main; main(['check', 'googlenet']);"
        "print(*({'dataclasses', 'inspect', 'fractions', 'networkx', 'lark'} & {*sys.modules}));"
        "rooms = ('cnndsl.elaborate.causes.', 'cnndsl.repairs', 'cnndsl.trials', 'cnndsl.bundle');"
        "print(*(name for name in sys.modules if name.startswith(rooms)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *_, libraries, causes = done.stdout.split("\n")[:-1]
    assert libraries == ""
    assert {*causes.split()} == {"cnndsl.elaborate.causes.candidate", "cnndsl.elaborate.causes.search"}


LIGHT_COMMANDS = (
    ["check", "googlenet"],
    ["summary", "googlenet"],
    ["draw", "googlenet"],
    ["summary", "googlenet", "--roofline", "h200"],
    ["sizes", "googlenet"],
    ["field", "googlenet"],
    ["compare", "googlenet", "vgg16", "--y", "top5", "--size", "params"],
    ["sweep", "resnet", "-p", "depths=[1,1],[2,2]", "--where", "params < 20M"],
    ["check", "googlenet", "--advice", "all"],
    ["diff", "googlenet", "googlenet"],
    ["diff", "googlenet", "googlenet", "--format", "html"],
    ["ops"],
    ["explain", "E203"],
    ["compile", "googlenet", "--emit", "ir"],
    ["zoo", "--check"],
    ["fmt", "--check", "archs"],
)


@pytest.mark.parametrize("arguments", LIGHT_COMMANDS, ids=" ".join)
def test_light_commands_import_neither_torch_nor_triton(arguments: list[str]) -> None:
    program = (
        "import sys; from cnndsl.cli.main import main; code = main(sys.argv[1:]);"
        "heavy = {'torch', 'triton', 'numpy'} & set(sys.modules); assert not heavy, heavy; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
