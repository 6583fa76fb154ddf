"""Networks in timm's words: laws over the zoo, timm's own maps, weights that are made to fit, and what is refused."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

import cnndsl
from cnndsl.backends.torch import build, outline
from cnndsl.features import forms
from cnndsl.features.network import FeatureNetwork, Network
from cnndsl.features.parts import part_at
from cnndsl.features.points import feature_points
from cnndsl.features.sharing import share_layers
from cnndsl.features.trunk import classifier
from cnndsl.ir import Graph
from cnndsl.ir.verify import verify
from cnndsl.models import zoo_files
from cnndsl.passes.settle_bias import settle_bias
from cnndsl.weights import expected_shapes


@cache
def network(path: Path) -> cnndsl.Architecture | None:
    """The first network of a file that has all it needs, if it classifies: if it gives one vector, of `classes`."""
    for name in re.findall(r"^network (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        with suppress(cnndsl.ArchError):  # a parameter without a default
            found = cnndsl.load(f"{path}:{name}")
            vector = [len(found.graph[output.node].shape) for output in found.graph.inference().outputs] == [1]
            return found if vector and "classes" in found.graph.scopes[""].arguments else None
    return None


def graph_of(path: Path) -> Graph:
    found = network(path)
    assert found is not None
    return settle_bias(found.graph)


CLASSIFYING = [path for path in zoo_files() if network(path)]
law = pytest.mark.parametrize("path", CLASSIFYING, ids=lambda path: path.stem)


# --- laws of graphs, over the zoo


def test_most_of_the_zoo_classifies() -> None:
    assert len(CLASSIFYING) > 30


@law
def test_reductions_grow_and_are_those_of_the_shapes(path: Path) -> None:
    """Where the input grows by the largest reduction, each map grows by what its own says."""
    graph = graph_of(path)
    points = feature_points(graph)
    assert all(a.reduction < b.reduction for a, b in pairwise(points))
    taller = heights(forms.up_to(graph, [each.node for each in points]), by=points[-1].reduction)
    for each in points:
        assert taller[each.node] - graph[each.node].shape[1] == points[-1].reduction // each.reduction
        assert each.channels == graph[each.node].shape[0]
        assert forms.tensor_at(graph, each.module) == each.node


def heights(graph: Graph, by: int) -> dict[str, int]:
    """How high every map is when the input is higher `by` so many pixels."""
    shapes: dict[str, tuple[int, ...]] = {}
    for node in graph:
        channels, height, width = graph.inputs[0].shape
        sources = [shapes[source] for source in node.inputs]
        shapes[node.name] = node.op.output(*sources) if sources else (channels, height + by, width)
    return {name: shape[1] for name, shape in shapes.items() if len(shape) == 3}


@law
def test_every_form_of_a_network_is_well_formed(path: Path) -> None:
    graph = graph_of(path)
    parts = classifier(graph)
    made = [
        forms.head(graph, parts.features),
        forms.without_classifier(graph),
        forms.with_classes(graph, 7),
        forms.up_to(graph, [each.node for each in feature_points(graph)]),
    ]
    for each in made:
        verify(each)


@law
def test_another_classifier_is_another_size_of_the_head_alone(path: Path) -> None:
    graph = graph_of(path)
    before, after = expected_shapes(graph), expected_shapes(forms.with_classes(graph, 7))
    layer = f"{classifier(graph).layer.name}."
    assert before.keys() == after.keys()
    assert all(before[name] == after[name] or name.startswith(layer) for name in before)
    assert forms.with_classes(graph, 7).inference().output.shape == (7,)


@law
def test_features_have_the_weights_of_the_network(path: Path) -> None:
    graph = graph_of(path)
    shapes = expected_shapes(graph)
    pruned = expected_shapes(forms.up_to(graph, [each.node for each in feature_points(graph)]))
    assert pruned.items() < shapes.items()


@law
def test_every_tensor_of_a_form_is_one_of_the_network(path: Path) -> None:
    """Nothing of an outline stays without values, so a form moves and learns with its network."""
    graph = graph_of(path)
    whole = outline(graph)
    owned = {id(each) for each in [*whole.parameters(), *whole.buffers()]}
    for made in (forms.head(graph, classifier(graph).features), forms.up_to(graph, [classifier(graph).features.name])):
        form = outline(made)
        share_layers(form, whole)
        assert all(id(each) in owned for each in [*form.parameters(), *form.buffers()])


# --- laws of modules, over the zoo


def small(path: Path) -> cnndsl.Architecture:
    """The network on a small image, if it takes one."""
    own = network(path)
    assert own is not None
    side = min(96, own.input_shape[1])
    try:
        return cnndsl.load(f"{path}:{own.name}", input=(own.input_shape[0], side, side))
    except cnndsl.ArchError:
        return own


def module_of(net: cnndsl.Architecture) -> Network:
    graph = settle_bias(net.graph)
    return Network(graph, build(graph), seed=0, preprocessing=None)


@law
def test_a_head_of_features_is_the_network_and_taps_are_hooks(path: Path) -> None:
    net = small(path)
    module = module_of(net).eval()
    assert list(module.state_dict()) == list(net.compile().state_dict())
    points = feature_points(module.graph)
    seen: dict[str, Tensor] = {}
    for point in points:
        part = part_at(module, point.module)
        if part is not None:
            name = point.module
            part.register_forward_hook(lambda _, inputs, result, name=name: seen.update({name: result.clone()}))
    x = torch.randn(1, *net.input_shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = module(x)
        hooked, features = dict(seen), module.forward_features(x)
        assert torch.equal(module.forward_head(features), whole)
        assert module.forward_head(features, pre_logits=True).shape == (1, module.head_hidden_size)
        assert features.shape[1] == module.num_features
        taps = module.taps(x, *(point.module for point in points))
        maps = FeatureNetwork(module.graph, module._forms["whole"], None).eval()(x)
    assert hooked or len(points) == 1
    assert all(torch.equal(taps[name], tensor) for name, tensor in hooked.items())
    assert all(torch.equal(a, b) for a, b in zip(taps.values(), maps, strict=True))


@law
def test_what_is_frozen_stays_as_it_is_and_the_rest_learns(path: Path) -> None:
    net = small(path)
    module = module_of(net)
    parts = [name for name, part in module.named_children() if next(part.parameters(), None) is not None]
    frozen = parts[: len(parts) // 2]
    module.freeze(*frozen)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    optimizer = torch.optim.SGD([each for each in module.parameters() if each.requires_grad], 0.01)
    module.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        result = module(torch.randn(2, *net.input_shape))
        loss = (result if isinstance(result, Tensor) else result[0]).square().mean()
        loss.backward()
    optimizer.step()
    changed = {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert not [name for name in changed if name.partition(".")[0] in frozen]
    module.unfreeze()
    assert all(each.requires_grad for each in module.parameters())
    assert all(each.training for each in module.modules())
