"""`cnndsl completion SHELL`: what a shell reads to complete commands, options, choices, networks, and files."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "fish")

EXAMPLES = """\
examples:
  cnndsl completion bash > ~/.local/share/bash-completion/completions/cnndsl
  cnndsl completion zsh > ~/.zfunc/_cnndsl
  cnndsl completion fish > ~/.config/fish/completions/cnndsl.fish
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="which shell it is for")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.cli.shells import bash, fish, zsh

    print({"bash": bash, "zsh": zsh, "fish": fish}[options.shell](), end="")
    return 0
