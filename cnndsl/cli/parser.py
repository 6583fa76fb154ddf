"""The command line's grammar: all commands with a line each, and the options of the one that is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from importlib import import_module

# Each is a module of this package, which is imported if it is to run.
COMMANDS = {
    "check": "Check shapes, parameters and claims.",
    "fmt": "Format .arch files.",
    "summary": "Show shapes, parameters and MACs as a table.",
    "sizes": "Show which sizes of pictures a network takes.",
    "draw": "Draw the network as an SVG picture.",
    "diff": "Show what differs between two networks, and what it costs.",
    "field": "Draw the receptive field of a layer.",
    "compare": "Show several networks as a chart or a table.",
    "sweep": "Count what many variants of a network cost, and find the best of them.",
    "compile": "Compile a network to PyTorch source or Triton kernels, with weights.",
    "bench": "Measure how fast a network runs on this machine, by several engines.",
    "save": "Write a network and its weights as a bundle, one folder with all that belongs to them.",
    "export": "Write a network as ONNX or .pt2, for inference elsewhere.",
    "weights": "Bring weights from elsewhere.",
    "conform": "Compare a network with one of torchvision or timm.",
    "lift": "Describe a network of torchvision, timm or your own code in the language.",
    "train": "Train a network on labelled pictures, by a recipe of a paper.",
    "eval": "Measure a trained network on labelled pictures.",
    "quantize": "Write a trained network in int8, if it is about as often right.",
    "curves": "Draw error by epoch of several runs.",
    "features": "Write what a trained network makes of photographs, for another classifier.",
    "predict": "Name what is on photographs.",
    "zoo": "List the networks that ship with cnndsl.",
    "ops": "List the layers, or explain one.",
    "lsp": "Serve an editor: diagnostics, shapes, completion, and more.",
    "completion": "Print what a shell reads to complete commands, options and networks.",
    "explain": "Explain a diagnostic code, or list all of them.",
}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a command line, among them `run`, which takes them and gives the exit code."""
    named = next((each for each in arguments if not each.startswith("-")), None)
    return parser_of([named]).parse_args(arguments)


def parser_of(full: Collection[str | None]) -> argparse.ArgumentParser:
    """The parser of all commands, in which these have their options."""
    parser = argparse.ArgumentParser(prog="cnndsl", description="Describe, check and compile convolutional networks.")
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.set_defaults(run=lambda options: _no_command(options, parser))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name in full:
            module = import_module(f"cnndsl.cli.{name}")
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            command.epilog = module.EXAMPLES
            module.add_to(command)
    return parser


def _no_command(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if options.version:
        from cnndsl.version import __version__

        print(f"cnndsl {__version__}")
        return 0
    parser.print_help()
    return 2
