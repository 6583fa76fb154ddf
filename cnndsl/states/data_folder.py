"""Where imported weights are kept, and where they are looked for."""

from __future__ import annotations

import os
from pathlib import Path

from cnndsl.errors import WeightsError


def data_folder() -> Path:
    """Where weights go unless told: `$XDG_DATA_HOME/cnndsl`, or `~/.local/share/cnndsl`."""
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "cnndsl"


def find_weights(network: str, given: Path | None = None) -> Path:
    """The file `NETWORK.safetensors`: `given` or in that folder, else here, else where imports go.

    A bare name that is `given`, such as `squeezenet1_1`, is that of a network whose weights were imported. Raises
    `WeightsError` if it is in none of them.
    """
    if given is not None and not given.is_dir():
        if given.suffix or given.exists() or given.name != str(given):
            return given
        network, given = given.name, None
    folders = [given] if given is not None else [Path(), data_folder()]
    for folder in folders:
        path = folder / f"{network}.safetensors"
        if path.is_file():
            return path
    looked = " and ".join(str(folder.resolve()) for folder in folders)
    raise WeightsError(
        f"there is no {network}.safetensors in {looked}; `cnndsl weights import {network} ...` makes one"
    )
