"""A network as an exported program of PyTorch (`.pt2`), which `torch.export.load` reads without any code of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from cnndsl.backends.torch.recording import quiet
from cnndsl.export.form import Job

if TYPE_CHECKING:
    from torch import Tensor


class Pt2File:
    """A program in memory, as it is read back."""

    def __init__(self, job: Job) -> None:
        import torch

        buffer = BytesIO()
        with quiet():
            torch.export.save(job.recorded.program, buffer)
            self.content = buffer.getvalue()
            self.module = torch.export.load(BytesIO(self.content)).module()

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        import torch

        with torch.no_grad():
            return list(self.module(*inputs))

    def layers(self, inputs: Sequence[Tensor]) -> Mapping[str, Tensor]:
        import torch
        from torch import fx

        found: dict[str, Tensor] = {}

        class Recorder(fx.Interpreter):
            def run_node(self, n: fx.Node) -> object:
                result = super().run_node(n)
                path = next(reversed(n.meta.get("nn_module_stack", {"": ""})))
                if isinstance(result, torch.Tensor):
                    found[path] = result.clone()  # what follows may work in place
                return result

        with torch.no_grad():
            Recorder(self.module).run(*inputs)
        return found
