"""Programs that `torch.export.save` wrote: read, and run in float64."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.errors import LiftError, ModelError, reason
from cnndsl.foreign.network import ForeignNetwork
from cnndsl.foreign.pytorch.program import unlogged
from cnndsl.foreign.pytorch.reader import read_program

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram


def read_saved(path: Path) -> tuple[ExportedProgram, ForeignNetwork]:
    """The program of a file, and it in our words. Raises `ModelError` and `LiftError`."""
    import torch

    if not path.is_file():
        raise ModelError(f"there is no file {path}")
    try:
        with unlogged():
            program = torch.export.load(path)
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

    values: list[Any] = []
    given = iter(inputs)
    for spec in program.graph_signature.input_specs:
        if spec.kind.name == "USER_INPUT":
            values.append(next(given))
        else:
            name = spec.target or ""
            values.append(program.state_dict[name] if name in program.state_dict else program.constants[name])
    with torch.no_grad():
        result = torch.fx.Interpreter(program.graph_module).run(*values)
    count = sum(spec.kind.name != "USER_OUTPUT" for spec in program.graph_signature.output_specs)
    return [leaf for leaf in tree_leaves(result)[count:] if isinstance(leaf, torch.Tensor)]
