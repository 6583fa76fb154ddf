"""Programs that `torch.export.save` wrote: read, and run in float64."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.errors import LiftError, ModelError, reason
from cnndsl.foreign.network import ForeignNetwork
from cnndsl.foreign.pytorch.program import inlined, unlogged
from cnndsl.foreign.pytorch.reader import read_program

if TYPE_CHECKING:
    from torch import Tensor, fx
    from torch.export import ExportedProgram


def read_saved(path: Path) -> tuple[ExportedProgram, ForeignNetwork]:
    """The program of a file, and it in our words. Raises `ModelError` and `LiftError`."""
    import torch

    if not path.is_file():
        raise ModelError(f"there is no file {path}")
    try:
        with unlogged():
            program = inlined(torch.export.load(path))
    except Exception as error:  # whatever a file that is no program makes it raise
        raise LiftError(f"{path} holds no program that torch.export.save wrote: {reason(error)}") from error
    for state in (program.state_dict, program.constants):
        for name, tensor in state.items():
            if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                state[name] = tensor.detach().double()
    return program, read_program(program, torch.nn.Module(), str(path))


def run_saved(program: ExportedProgram, inputs: Sequence[Tensor]) -> list[Tensor]:
    """What a program computes of inputs of any precision."""
    import torch
    from torch.utils._pytree import tree_leaves

    with torch.no_grad():
        result = torch.fx.Interpreter(program.graph_module).run(*_given(program, inputs))
    count = sum(spec.kind.name != "USER_OUTPUT" for spec in program.graph_signature.output_specs)
    return [leaf for leaf in tree_leaves(result)[count:] if isinstance(leaf, torch.Tensor)]


def results_of(program: ExportedProgram, inputs: Sequence[Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """The tensors that nodes of these names give, in the order of the program."""
    import torch

    found: dict[str, Tensor] = {}

    class Recorder(torch.fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            result = super().run_node(n)
            if n.name in names and isinstance(result, torch.Tensor):
                found[n.name] = result.clone()  # what follows may work in place
            return result

    with torch.no_grad():
        Recorder(program.graph_module).run(*_given(program, inputs))
    return found


def _given(program: ExportedProgram, inputs: Sequence[Tensor]) -> Iterator[Any]:
    """What the recorded graph takes: every tensor the program keeps, and the inputs."""
    given = iter(inputs)
    for spec in program.graph_signature.input_specs:
        if spec.kind.name == "USER_INPUT":
            yield next(given)
        else:
            name = spec.target or ""
            yield program.state_dict[name] if name in program.state_dict else program.constants[name]
