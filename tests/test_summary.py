"""Tables of networks: totals that are those of the rows, memory against what PyTorch does, forms that others read."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.resources import files
from itertools import cycle
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
from zoo import FILES, first_two, graphs, stem

import cnndsl
from cnndsl.analysis import Facts, summarize, summary_csv, summary_json, summary_table, summary_text
from cnndsl.analysis.columns import COLUMNS
from cnndsl.analysis.memory import Rule, held, kept, maps, peak_memory
from cnndsl.analysis.rows import Row
from cnndsl.analysis.summary import Summary, leaves
from cnndsl.backends.triton.roofline import CARDS, floors
from cnndsl.cli.main import main
from cnndsl.ir import Graph
from cnndsl.table import Table, html, latex, markdown

ALEXNET, VGG16 = "alexnet", "vgg16"
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in (ALEXNET, VGG16, "resnet50")]
PROVED = ["densenet121", *SLOW]
SOME = [path for path in FILES if path.stem in ("alexnet", "densenet", "googlenet", "inception_v4", "unet")]
SCHEMA = json.loads((files("cnndsl.analysis") / "summary.schema.json").read_text(encoding="utf-8"))


def graph_of(text: str) -> Graph:
    return cnndsl.loads(text).graph


# --- totals


def levels(graph: Graph) -> range:
    return range(1, 2 + max(row.level for row in summarize(graph, 99).rows))


def together(rows: list[Row], of: Callable[[Row], int]) -> int:
    return sum(of(row) for row in rows if row.runs == "always")


def adds_up(summary: Summary) -> None:
    rows = list(leaves(summary.rows))
    assert together(rows, lambda row: row.params) == summary.cost.params
    assert together(rows, lambda row: row.macs) == summary.cost.macs
    if summary.memory.rule == "inference":
        assert max(row.memory for row in rows) == summary.memory.bytes
    elif summary.memory.rule == "maps":
        assert together(rows, lambda row: row.memory) == summary.memory.bytes
    else:
        assert sum(row.memory for row in rows) == summary.memory.bytes


@pytest.mark.parametrize("path", SOME, ids=stem)
def test_totals_are_those_of_the_rows_at_every_depth(path: Path) -> None:
    graph = first_two(path)[0]
    for depth, rule in zip(levels(graph), cycle(get_args(Rule)), strict=False):
        adds_up(summarize(graph, depth, memory=rule))


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=stem)
def test_totals_are_those_of_the_rows_in_the_whole_zoo(path: Path) -> None:
    for graph in graphs(path).values():
        for depth in levels(graph):
            for rule in get_args(Rule):
                adds_up(summarize(graph, depth, memory=rule))


def test_a_head_inside_a_part_is_not_part_of_its_costs() -> None:
    body = "stage { conv 3x3, 4 as early\n head aux, train_only=true { conv 3x3, 9 }\n from early -> conv 1x1, 5 }"
    graph = graph_of(f"network n {{ input 4 x 8 x 8\n {body} }}")
    for depth in (1, 2, 3):
        adds_up(summarize(graph, depth))
        adds_up(summarize(graph, depth, memory="training"))
    assert summarize(graph, 1).rows[1].params == 4 * 4 * 9 + 4 + 4 * 5 + 5


def test_sorted_rows_are_those_that_nothing_is_in() -> None:
    graph = cnndsl.load("resnet50").graph
    summary = summarize(graph, 3, sort="macs")
    assert [row.macs for row in summary.rows] == sorted((row.macs for row in summary.rows), reverse=True)
    assert sum(row.macs for row in summary.rows) == summary.cost.macs
    assert {row.level for row in summary.rows} == {0}
    lines = summary_text(summary).splitlines()
    assert any(line.startswith("stage3.bottleneck2.conv2-stage3.bottleneck6.conv2 x5") for line in lines)


# --- memory


def test_maps_of_vgg_are_those_that_its_table_adds_up_to() -> None:
    """The lectures' table says 24M values, 96 MB; its own rows are 15.2M."""
    found = maps(cnndsl.load(VGG16).facts.inference)
    assert sum(found.values()) == 4 * 15_237_608


def test_what_shares_memory_takes_none() -> None:
    plain = graph_of("network n { input 3 x 64 x 64\n conv 3x3, 8 -> conv 3x3, 8 }")
    shared = graph_of(
        "network n { input 3 x 64 x 64\n conv 3x3, 8 -> identity -> identity -> identity -> conv 3x3, 8 }"
    )
    for rule in get_args(Rule):
        assert summarize(plain, memory=rule).memory.bytes == summarize(shared, memory=rule).memory.bytes
    assert Facts(plain).cost == Facts(shared).cost
    assert peak_memory(cnndsl.load(VGG16).graph).bytes == 2 * 4 * 64 * 224 * 224


@pytest.mark.parametrize("name", PROVED)
def test_training_keeps_what_autograd_saves(name: str) -> None:
    torch = pytest.importorskip("torch")
    network, batch = cnndsl.load(name), 2
    module = network.compile().train()
    weights = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())}
    saved: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = module(torch.randn(batch, *network.input_shape))
    seen = sum(storage.nbytes() for at, storage in saved.items() if at not in weights)
    assert result.requires_grad
    assert sum(kept(network.facts.training).values()) * batch == pytest.approx(seen, rel=0.01)


def alive(module: object, image: object) -> int:
    """The most bytes at once of storages that an operator has made and another one, in another layer, still reads."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    weights = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())}
    layer = [0]
    for each in module.modules():
        if not list(each.children()):
            each.register_forward_pre_hook(lambda *_: layer.append(layer[-1] + 1))
            each.register_forward_hook(lambda *_: layer.append(layer[-1] + 1))
    steps: list[dict[int, int]] = []  # what each operator reads and writes, with its bytes
    layers: list[int] = []
    held = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            tensors = [each for each in tree_leaves((args, kwargs, out)) if isinstance(each, torch.Tensor)]
            storages = [each.untyped_storage() for each in tensors]
            held.extend(storages)  # so that none comes to the place of another
            steps.append({each.data_ptr(): each.nbytes() for each in storages if each.data_ptr() not in weights})
            layers.append(layer[-1])
            return out

    with torch.no_grad(), Watch():
        result = module(image)
    first = {at: step for step, found in reversed(list(enumerate(steps))) for at in found}
    last = {at: step for step, found in enumerate(steps) for at in found}
    size = {at: bytes for found in steps for at, bytes in found.items()}
    last[result.untyped_storage().data_ptr()] = len(steps)
    tensors = [
        at for at in first if layers[first[at]] != layers[min(last[at], len(steps) - 1)] or last[at] == len(steps)
    ]
    return max(sum(size[at] for at in tensors if first[at] <= step <= last[at]) for step in range(len(steps)))


@pytest.mark.parametrize("name", PROVED)
def test_inference_holds_what_operators_still_read(name: str) -> None:
    torch = pytest.importorskip("torch")
    network = cnndsl.load(name)
    seen = alive(network.compile().eval(), torch.zeros(1, *network.input_shape))
    assert peak_memory(network.facts.inference).bytes == pytest.approx(seen, rel=0.01)


# --- forms


@pytest.mark.parametrize("path", SOME, ids=stem)
def test_json_is_what_its_schema_says(path: Path) -> None:
    for rule, graph in zip(get_args(Rule), first_two(path), strict=False):
        document = json.loads(summary_json(summarize(graph, memory=rule)))
        jsonschema.validate(document, SCHEMA)
        assert document["memory_rule"] == rule


COLUMNS_OF_LECTURES = "name,kernel,stride,pad,output,params,params_share,memory"
ALEXNET_ROWS = {  # the table of the lectures
    "conv1": ("11x11", "4", "0", "96 x 55 x 55"),
    "maxpool1": ("3x3", "2", "0", "96 x 27 x 27"),
    "conv2": ("5x5", "1", "2", "256 x 27 x 27"),
    "maxpool2": ("3x3", "2", "0", "256 x 13 x 13"),
    "conv3": ("3x3", "1", "1", "384 x 13 x 13"),
    "conv4": ("3x3", "1", "1", "384 x 13 x 13"),
    "conv5": ("3x3", "1", "1", "256 x 13 x 13"),
    "maxpool3": ("3x3", "2", "0", "256 x 6 x 6"),
}


def test_the_layer_table_of_the_lectures_is_one_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", ALEXNET, "--format", "csv", "--columns", COLUMNS_OF_LECTURES]) == 0
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    for name, cells in ALEXNET_ROWS.items():
        assert tuple(rows[name][column] for column in ("kernel", "stride", "pad", "output")) == cells
    assert sum(float(row["params_share"]) for row in rows.values()) == pytest.approx(1, abs=1e-5)


def test_every_column_has_cells_in_every_form() -> None:
    graph = cnndsl.load("googlenet").graph
    summary = summarize(graph, 2, floors=floors(graph, CARDS["H200"]))
    heads, *rows = csv.reader(io.StringIO(summary_csv(summary)))
    assert set(COLUMNS) <= set(heads) and {len(row) for row in rows} == {len(heads)}
    table = summary_table(summary, tuple(COLUMNS))
    assert len(table.rows) == len(summary.rows)
    for column, name in enumerate(COLUMNS):
        assert any(row[column].strip() for row in table.rows), name


class Read(HTMLParser):
    """The cells of all rows of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


ODD = Table(
    "a_b & <c>",
    ["name", "50%", "x|y"],
    [["a", "1", "#{x}$"], ["  b_1", "<=2", "~^\\"], ["    *c*", "", "`d`"]],
    ["total", "3", "&"],
    left=(0, 2),
    notes=["one: 100 % of <it>"],
)


def test_a_page_has_the_cells() -> None:
    page = Read(html(ODD))
    assert page.rows == [[cell.strip() for cell in row] for row in (ODD.heads, *ODD.rows, ODD.total)]
    assert page.open == []


def test_markdown_has_a_line_for_each_row() -> None:
    lines = [line for line in markdown(ODD).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(ODD.rows) + 1
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines[1:]} == {4}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(tmp_path: Path) -> None:
    tables = [ODD, *(summary_table(summarize(cnndsl.load(name).graph)) for name in (ALEXNET, "googlenet"))]
    body = "\n\n\\clearpage\n".join(latex(table) for table in tables)
    text = f"\\documentclass{{article}}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    (tmp_path / "tables.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "tables.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_latex_rows_have_a_cell_for_each_column() -> None:
    rows = [line for line in latex(ODD).splitlines() if line.endswith(r"\\")]
    assert Counter(len(re.findall(r"(?<!\\)&", row)) for row in rows) == {2: 5}


@pytest.mark.parametrize("names", ["nonsense", "name,,params", "name,nmae"])
def test_a_column_that_there_is_not_is_named(names: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["summary", ALEXNET, "--columns", names])
    assert stop.value.code == 2
    assert "no column is called" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["text", "json", "csv", "markdown", "latex", "html"])
def test_a_broken_file_shows_what_there_is(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.arch"
    path.write_text("network n { input 3 x 8 x 8\n conv 3x3, 4\n conv 9x9, 4, pad=0 }\n", encoding="utf-8")
    assert main(["summary", str(path), "--format", form, "--memory", "training"]) == 1
    shown = capsys.readouterr()
    assert "conv" in shown.out and "E202" in shown.err


def test_nothing_has_a_table() -> None:
    nothing = Graph("nothing", (), ())
    for rule in get_args(Rule):
        summary = summarize(nothing, memory=rule)
        assert summary.memory.bytes == 0
        for write in (markdown, latex, html):
            assert "nothing" in write(summary_table(summary))
    assert held(nothing) == {}
