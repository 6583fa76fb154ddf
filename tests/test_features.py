"""Networks in timm's words: laws over the zoo, timm's own maps, weights that are made to fit, and what is refused."""

from __future__ import annotations

import copy
import io
import re
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path

import oracles
import pytest
import torch
from torch import Tensor, nn

import cnndsl
from cnndsl.backends.torch import build, outline
from cnndsl.features import forms
from cnndsl.features.network import FeatureNetwork, Network
from cnndsl.features.parts import part_at
from cnndsl.features.points import feature_points
from cnndsl.features.sharing import share_layers
from cnndsl.features.trunk import classifier
from cnndsl.foreign.modules import build_foreign, import_library
from cnndsl.ir import Graph
from cnndsl.ir.verify import verify
from cnndsl.models import zoo_files
from cnndsl.passes.settle_bias import settle_bias
from cnndsl.photographs.preprocessing import PRESETS
from cnndsl.states import expected_shapes, save_weights

# Detectors and segmenters; what else speaks of `classes` gives one vector of them.
MAPS = {"deeplabv3", "efficientdet", "fcn", "retinanet", "unet"}
CLASSIFYING = [f for f in zoo_files() if "classes = " in f.read_text(encoding="utf-8") and f.stem not in MAPS]
law = pytest.mark.parametrize("path", CLASSIFYING, ids=lambda path: path.stem)
# With which the laws of modules take a second or less; of others, in the long run.
QUICK = {
    *("fractalnet", "googlenet", "lenet5", "mobilenet_v1", "mobilenet_v2", "nin", "repvgg", "resnet_cifar"),
    *("shufflenet_v2", "squeezenet"),
}
TIMED = [pytest.param(f, marks=[] if f.stem in QUICK else [pytest.mark.slow], id=f.stem) for f in CLASSIFYING]
law_of_modules = pytest.mark.parametrize("path", TIMED)


@cache
def network(path: Path) -> cnndsl.Architecture:
    """The first network of a file that has all it needs."""
    for name in re.findall(r"^network (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        with suppress(cnndsl.ArchError):  # a parameter without a default
            return cnndsl.load(f"{path}:{name}")
    raise AssertionError(path)


def graph_of(path: Path) -> Graph:
    return settle_bias(network(path).graph)


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


@law_of_modules
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
    side = min(64, own.input_shape[1])
    try:
        return cnndsl.load(f"{path}:{own.name}", input=(own.input_shape[0], side, side))
    except cnndsl.ArchError:
        return own


def module_of(net: cnndsl.Architecture) -> Network:
    graph = settle_bias(net.graph)
    return Network(graph, build(graph), seed=0, preprocessing=None)


@law_of_modules
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


@law_of_modules
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


# --- timm


SLOW = pytest.mark.slow
TIMM = ("resnet50", "densenet121", "efficientnet_b0")


def save(state: dict[str, Tensor], folder: Path, name: str) -> Path:
    save_weights(state, folder / f"{name}.safetensors", name)
    return folder / f"{name}.safetensors"


@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW if name == "densenet121" else ()) for name in TIMM])
def test_features_are_those_of_timm(name: str, tmp_path: Path) -> None:
    """timm's own module for features, with weights drawn at random, and ours with these weights after their import."""
    timm = import_library("timm")
    whole = build_foreign(f"timm:{name}")
    ours = oracles.wired_alike(name, whole, (3, 64, 64))  # which stirs the weights of both
    theirs = timm.create_model(name, features_only=True, pretrained=False).eval()
    known = {key.replace(".", "_"): tensor for key, tensor in whole.state_dict().items()}
    theirs.load_state_dict({key: known[key.replace(".", "_")] for key in theirs.state_dict()})
    weights = save(ours.state_dict(), tmp_path, name)
    module = cnndsl.create_model(name, weights=weights, features_only=True).eval()
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        pairs = list(zip(module(x), theirs(x), strict=True))
    assert [a.shape for a, _ in pairs] == [b.shape for _, b in pairs]
    assert max(oracles.relative_error(a, b) for a, b in pairs) < 1e-5
    assert module.feature_info.channels() == theirs.feature_info.channels()
    assert module.feature_info.reduction() == theirs.feature_info.reduction()


ALIKE = {
    **{"mobilenet_v2": "mobilenetv2_100", "mobilenet_v3_large": "mobilenetv3_large_100", "vgg16": "vgg16"},
    **{"regnet_x_400mf": "regnetx_004", "res2net50_26w_4s": "res2net50_26w_4s", "seresnet50": "seresnet50"},
    **{"darknet53": "darknet53", "cspdarknet53": "cspdarknet53", "preresnet50": "resnetv2_50"},
    **{"inception_v3": "inception_v3", "inception_resnet_v2": "inception_resnet_v2", "repvgg_a0": "repvgg_a0"},
}


@pytest.mark.slow
@pytest.mark.parametrize(("ours", "theirs"), ALIKE.items())
def test_features_have_timms_channels(ours: str, theirs: str) -> None:
    with torch.device("meta"):
        info = import_library("timm").create_model(theirs, features_only=True, pretrained=False).feature_info
    points = feature_points(settle_bias(cnndsl.load(ours).graph))
    assert [each.channels for each in points] == info.channels()
    assert [each.reduction for each in points] == info.reduction()


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_a_stem_is_adapted_as_by_timm(channels: int, tmp_path: Path) -> None:
    import_library("timm")
    from timm.models import adapt_input_conv

    state = dict(cnndsl.load("resnet20").compile(seed=2).state_dict())
    module = cnndsl.create_model("resnet20", in_chans=channels, weights=save(state, tmp_path, "resnet20"))
    found = module.state_dict()
    stem = next(name for name in state if name.endswith("conv.weight"))
    torch.testing.assert_close(found[stem], adapt_input_conv(channels, state[stem]), rtol=1e-6, atol=1e-6)
    assert all(torch.equal(found[name], state[name]) for name in state if name != stem)


# --- weights


def test_a_head_for_other_classes_stays_initial_and_it_is_said(tmp_path: Path) -> None:
    state = dict(cnndsl.load("resnet20").compile(seed=2).state_dict())
    weights = save(state, tmp_path, "resnet20")
    with pytest.warns(UserWarning, match="linear keeps its initial weights, since .* has other classes"):
        module = cnndsl.create_model("resnet20", num_classes=7, weights=weights, seed=9)
    fresh = cnndsl.load("resnet20", classes=7).compile(seed=9).state_dict()
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, (fresh if name.startswith("linear.") else state)[name])


@pytest.mark.parametrize("settings", [{}, {"features_only": True}, {"num_classes": 0}, {"num_classes": 3}])
def test_weights_of_another_network_do_not_fit(settings: dict[str, object], tmp_path: Path) -> None:
    weights = save(dict(cnndsl.load("resnet32").compile().state_dict()), tmp_path, "resnet32")
    with pytest.raises(cnndsl.WeightsError, match="these weights do not fit resnet20"):
        cnndsl.create_model("resnet20", weights=weights, **settings)


def test_weights_are_drawn_as_those_of_compile() -> None:
    ours, plain = cnndsl.create_model("resnet20", seed=4), cnndsl.load("resnet20").compile(seed=4)
    assert all(torch.equal(ours.state_dict()[name], tensor) for name, tensor in plain.state_dict().items())


# --- modules


@pytest.fixture
def module() -> Network:
    found = cnndsl.create_model("resnet20", num_classes=5)
    assert isinstance(found, Network)
    return found


X = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_a_classifier_is_replaced_and_the_rest_stays(module: Network) -> None:
    module.forward_features(X)  # makes a form that must not be stale later
    body = [each for name, each in module.named_parameters() if not name.startswith("linear.")]
    module.freeze("stage1", "linear")
    for classes in (7, 0, 3):
        module.reset_classifier(classes)
        now = [each for name, each in module.named_parameters() if not name.startswith("linear.")]
        assert all(a is b for a, b in zip(body, now, strict=True))
        assert module.num_classes == classes and module(X).shape == (2, classes or 64)
        assert not module.stage1.training and module.stage2.training
    assert module.get_classifier().out_features == 3
    module.double()
    module.reset_classifier(2)
    assert module.get_classifier().weight.dtype == torch.float64
    assert torch.equal(module.eval().forward_head(module.forward_features(X.double())), module(X.double()))


def test_without_a_classifier_a_network_gives_what_that_would_read(module: Network) -> None:
    module.eval()
    before = module.forward_head(module.forward_features(X), pre_logits=True)
    module.reset_classifier(0)
    assert torch.equal(module(X), before)
    assert isinstance(module.get_classifier(), nn.Identity)
    assert cnndsl.create_model("resnet20", num_classes=0)(X).shape == (2, 64)


def test_a_copy_and_a_pickle_share_their_own_weights(module: Network) -> None:
    module.eval().forward_features(X)
    stream = io.BytesIO()
    torch.save(module, stream)
    stream.seek(0)
    for each in (copy.deepcopy(module), torch.load(stream, weights_only=False)):
        with torch.no_grad():
            each.stage1.basic1.conv1.weight.mul_(2)
        assert torch.equal(each.forward_head(each.forward_features(X)), each(X))
        assert not torch.equal(each(X), module(X))


def test_taps_reach_layers_without_a_module_and_compute_no_more(module: Network) -> None:
    module.eval()
    taps = module.taps(X, "stage1", "stage1.basic1.add", "stage1")
    assert list(taps) == ["stage1", "stage1.basic1.add"] and taps["stage1"].shape == (2, 16, 32, 32)
    module.linear.register_forward_hook(lambda *_: pytest.fail("the classifier was run"))
    assert module.taps(X, "stage3")["stage3"].shape == (2, 64, 8, 8)


def test_frozen_parts_within_each_other(module: Network) -> None:
    module.freeze("stage1", "stage1.basic2", "linear")
    module.unfreeze("stage1")
    assert module.stage1.basic1.conv1.weight.requires_grad and module.stage1.basic1.training
    assert not module.stage1.basic2.conv1.weight.requires_grad and not module.stage1.basic2.training
    module.freeze()
    assert not any(each.requires_grad for each in module.parameters()) and not module.train().training
    module.unfreeze()
    assert all(each.requires_grad for each in module.parameters()) and module.train().training


def test_what_timm_tells_is_told(module: Network) -> None:
    assert len(module.feature_info) == 3
    assert module.feature_info[-1] == {"num_chs": 64, "reduction": 4, "module": "stage3"}
    assert (module.num_features, module.head_hidden_size, module.num_classes) == (64, 64, 5)
    assert module.default_cfg["input_size"] == (3, 32, 32) and module.default_cfg["classifier"] == "linear"


def test_preprocessing_beside_weights_is_told_in_timms_words(tmp_path: Path) -> None:
    weights = save(dict(cnndsl.load("resnet20").compile().state_dict()), tmp_path, "resnet20")
    (tmp_path / "resnet20.preprocess.toml").write_text(PRESETS["torchvision"].text("resnet20"))
    module = cnndsl.create_model("resnet20", weights=weights.parent)
    assert isinstance(module, Network)
    assert module.default_cfg["mean"] == (0.485, 0.456, 0.406) and module.default_cfg["crop_pct"] == 0.875


def test_channels_and_a_size_go_together() -> None:
    module = cnndsl.create_model("resnet20", in_chans=1, input=(3, 64, 48), features_only=True)
    assert [each.shape[1:] for each in module(torch.zeros(1, 1, 64, 48))] == [(16, 64, 48), (32, 32, 24), (64, 16, 12)]


def test_models_are_listed() -> None:
    assert {"resnet18", "resnet50"} <= set(cnndsl.list_models("resnet*")) < set(cnndsl.list_models())
    assert cnndsl.list_models("nothing*") == []


# --- what is refused


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "out of range": (
        {"features_only": True, "out_indices": (0, 3)},
        "3 features, so there is none with the index 3",
    ),
    "negative": ({"features_only": True, "out_indices": [-4]}, "none with the index -4"),
    "none": ({"features_only": True, "out_indices": ()}, "one or more features"),
    "twice": ({"features_only": True, "out_indices": (1, -2)}, "each once and in order"),
    "one number": ({"features_only": True, "out_indices": 2}, "a list of whole numbers"),
    "a bool": ({"features_only": True, "out_indices": [True]}, "a list of whole numbers"),
    "alone": ({"out_indices": (1,)}, "goes with features_only"),
    "no channels": ({"in_chans": 0}, "in_chans is a whole number from 1, not 0"),
    "half a channel": ({"in_chans": 1.5}, "in_chans is a whole number"),
    "less than no class": ({"num_classes": -1}, "num_classes is a whole number from 0, not -1"),
    "a word": ({"num_classes": "10"}, "num_classes is a whole number"),
    "said twice": ({"num_classes": 3, "classes": 4}, "give one of them"),
    "unknown": ({"width": 3}, "no parameter width"),
}


@pytest.mark.parametrize(("settings", "said"), REFUSED.values(), ids=REFUSED)
def test_what_a_network_cannot_be_is_one_line(settings: dict[str, object], said: str) -> None:
    with pytest.raises(cnndsl.ParameterError, match=said) as caught:
        cnndsl.create_model("resnet20", **settings)
    assert "\n" not in str(caught.value)


def test_networks_without_classes_or_features_say_so(module: Network) -> None:
    with pytest.raises(cnndsl.ParameterError, match="mtcnn_pnet has no parameter classes"):
        cnndsl.create_model("mtcnn_pnet", num_classes=3)
    with pytest.raises(cnndsl.ModelError, match="has 2 results"):
        cnndsl.create_model("mtcnn_pnet", features_only=True)
    with pytest.raises(cnndsl.ParameterError, match="siamese has 2 inputs"):
        cnndsl.create_model("siamese", in_chans=3)
    with pytest.raises(cnndsl.ModelError, match="so it has no classifier"):
        cnndsl.create_model("unet", input=(1, 64, 64)).reset_classifier(3)
    with pytest.raises(cnndsl.ModelError, match="there is no file resnet21"):
        cnndsl.create_model("resnet21")
    for wrong in ("stage9", "stage1.basic1.add"):
        with pytest.raises(cnndsl.ParameterError):
            module.freeze(wrong)
    with pytest.raises(cnndsl.ParameterError, match="was not frozen"):
        module.unfreeze("stage1")
    with pytest.raises(cnndsl.ParameterError, match="did you mean stage1"):
        module.taps(X, "stage")
    with pytest.raises(cnndsl.ParameterError, match="takes an input and paths"):
        module.taps(X)
