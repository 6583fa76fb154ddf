"""Modules that spell layers their own way, lifted: the text says the layer, and the proof holds."""

from __future__ import annotations

import pytest
from odd_modules import IMAGE, LIFTED, REFUSED
from odd_moves import MOVED, UNMOVED

import cnndsl


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("name", [*LIFTED, *MOVED])
def test_a_layer_is_known_however_it_is_spelled(name: str) -> None:
    build, shapes, said = {**LIFTED, **MOVED}[name]
    lifted = cnndsl.lift(build(), input=shapes)  # which proves itself
    for each in said:
        assert each in lifted.text


REASONS = {**{name: (build, IMAGE, said) for name, (build, said) in REFUSED.items()}, **UNMOVED}


@pytest.mark.filterwarnings("ignore:.*jit.script:DeprecationWarning")
@pytest.mark.parametrize("name", REASONS)
def test_what_no_layer_says_is_refused_with_its_reason(name: str) -> None:
    build, shape, said = REASONS[name]
    with pytest.raises(cnndsl.Error) as caught:
        cnndsl.lift(build(), input=shape)
    assert said in "\n".join([str(caught.value), *getattr(caught.value, "reasons", ())])
    assert "\n" not in str(caught.value)


def test_a_function_that_no_layer_is_is_one_gap() -> None:
    """What is made of it is read on."""
    build, shape, _ = UNMOVED["root mean square"]
    with pytest.raises(cnndsl.LiftError, match="a step is no layer"):
        cnndsl.lift(build(), input=shape)


def test_a_module_stays_as_it_was() -> None:
    build, shapes, _ = LIFTED["half precision"]
    module = build().train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    cnndsl.lift(module, input=shapes)
    assert module.training
    for name, tensor in module.state_dict().items():
        assert tensor.dtype == before[name].dtype
        assert (tensor == before[name]).all()


def test_weights_are_those_of_the_source() -> None:
    build, shapes, _ = LIFTED["affine"]
    module = build()
    lifted = cnndsl.lift(module, input=shapes)
    learned = sorted(float(each.detach().double().sum()) for each in module.parameters())
    assert sorted(float(each.sum()) for each in lifted.weights.values()) == pytest.approx(learned)
