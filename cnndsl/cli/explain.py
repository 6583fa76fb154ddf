"""`cnndsl explain E203`: what a code means, with a wrong example and the repaired one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import UsageError

if TYPE_CHECKING:
    from cnndsl.diagnostics.codes import Code

PAGE_HEAD = """\
# Diagnostics

Every code that `cnndsl check` can report: E for errors, W for warnings. `cnndsl explain CODE` prints the same.
Written by `pytest --renew tests/test_docs.py` from the codes' own entries in `cnndsl/diagnostics/codes/`.
"""


EXAMPLES = """\
examples:
  cnndsl explain
  cnndsl explain E203
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", nargs="?", help="such as E203; without one, all codes are listed")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.diagnostics import did_you_mean
    from cnndsl.diagnostics.codes import all_codes, lookup

    if options.code is None:
        for each in all_codes():
            print(f"{each.code}  {each.title}")
        return 0
    code = lookup(options.code.upper())
    if code is None:
        hint = did_you_mean(options.code.upper(), [each.code for each in all_codes()], "`cnndsl explain` lists them")
        raise UsageError(f"there is no code {options.code}; {hint}")
    print(f"{code.code}: {code.title}\n\n{code.explanation.strip()}\n")
    print(f"Wrong{_option(code)}:\n\n{_indented(code.bad)}\n\nRight:\n\n{_indented(code.good)}")
    return 0


def page() -> str:
    """All codes as a page of Markdown, with what a check of each wrong example prints: `docs/diagnostics.md`."""
    from cnndsl.diagnostics.codes import all_codes

    parts = [PAGE_HEAD, *(f"- [{code.code}](#{code.code.lower()}) {code.title}" for code in all_codes())]
    for code in all_codes():
        parts += ["", *section(code, "##")]
    return "\n".join(parts) + "\n"


def section(code: Code, sign: str) -> list[str]:
    """What there is to say about a code, in Markdown under a heading of this sign."""
    from cnndsl.checking import Request, check_file
    from cnndsl.diagnostics import render
    from cnndsl.source import Source

    request = Request(input=code.input, advice=code.advice)
    findings = render(check_file(Source("example.arch", code.bad), request).report, "text")
    wrong = [f"```arch-error {code.code}{_option(code)}", code.bad.rstrip(), "```", "", "```text", findings, "```"]
    right = ["Repaired:", "", "```arch", code.good.rstrip(), "```"]
    return [f"{sign} {code.code}", "", f"**{code.title}**", "", code.explanation, "", *wrong, "", *right]


def _option(code: Code) -> str:
    """The option that the examples are checked with, if any."""
    if code.advice:
        return f" --advice {code.code}"
    return "" if code.input is None else f" --input {'x'.join(map(str, code.input))}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.strip("\n").splitlines())
