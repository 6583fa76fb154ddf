"""Pages of the zoo: one for each network, with its picture and its table, one for each file, and the list of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnndsl.analysis import Facts, summarize, summary_table
from cnndsl.comparison.results import Result, all_results
from cnndsl.draw import draw
from cnndsl.ops.base import show_shape
from cnndsl.table import markdown
from website.markdown import page, plain, table
from website.zoo import ZooFile

HEADS = ("network", "input", "parameters", "MACs", "depth", "receptive field")


def pages(files: Sequence[ZooFile]) -> Iterator[tuple[str, str]]:
    """Texts by their place: pages of Markdown, and pictures."""
    results = all_results()
    yield "networks/index.md", _index(files)
    for file in files:
        yield f"files/{file.path.stem}.md", _file_page(file)
        for name, facts in file.networks:
            yield f"networks/{name}.svg", draw(facts.graph)
            yield f"networks/{name}.md", _network_page(file, name, facts, [r for r in results if r.network == name])


def _index(files: Sequence[ZooFile]) -> str:
    networks = sum(len(file.checked.networks) for file in files)
    head = f"{networks} networks in {len(files)} files, each beside its paper's table. `cnndsl zoo` prints the same."
    return page("# Networks", head, *(part for file in files for part in _listing(file)), listed=True)


def _listing(file: ZooFile) -> Iterator[str]:
    yield f"## [{file.path.name}](../files/{file.path.stem}.md)"
    yield plain(file.paper) + "."
    yield _numbers(file.networks)


def _numbers(networks: Iterator[tuple[str, Facts]]) -> str:
    return table(HEADS, [(f"[{plain(name)}](../networks/{name}.md)", *_facts(facts)) for name, facts in networks])


def _facts(facts: Facts) -> Iterator[str]:
    yield ", ".join(show_shape(node.shape) for node in facts.graph.inputs)
    yield f"{facts.params:,}"
    yield f"{facts.macs:,}"
    yield str(facts.depth)
    yield str(facts.receptive_field)


def _file_page(file: ZooFile) -> str:
    about = plain(file.paper) + "."
    return page(f"# {file.path.name}", about, _numbers(file.networks), f"```arch\n{file.text.rstrip()}\n```")


def _network_page(file: ZooFile, name: str, facts: Facts, results: Sequence[Result]) -> str:
    definition = file.checked.module.networks[name]
    where = f"Of [{file.path.name}](../files/{file.path.stem}.md): {plain(file.paper)}."
    _, layers = markdown(summary_table(summarize(facts.graph))).split("\n", 1)
    return page(
        f"# {name}",
        where,
        plain(definition.doc),
        f"```sh\ncnndsl summary {name}\ncnndsl draw {name} -o {name}.html\n```",
        f'<a href="../playground/index.html#network={name}">Open it in the playground</a>',
        f"![{name}: its layers and blocks, from the input down]({name}.svg)",
        "## Layers",
        layers.strip(),
        *_accuracies(results),
    )


def _accuracies(results: Sequence[Result]) -> Iterator[str]:
    if results:
        yield "## Accuracy"
        yield "In percent, as others have measured it."
        rows = [(plain(r.by), f"[{plain(r.title)}]({r.page}), {plain(r.where)}", r.crop, _top(r)) for r in results]
        yield table(("measured by", "where", "seen of a picture", "top-1, top-5"), rows, words=3)


def _top(result: Result) -> str:
    return ", ".join("-" if value is None else f"{value:.2f}" for value in (result.top1, result.top5))
