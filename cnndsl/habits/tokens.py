"""The words and signs of any language, as far as lines of layers need them."""

from __future__ import annotations

import re

from cnndsl.records import dataclass

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<size>\d+(?:\s*[xX×*]\s*\d+)+(?![\w.]))
    |(?P<number>(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?[%x]?(?![\w.]))
    |(?P<string>"[^"\n]*"|'[^'\n]*')
    |(?P<word>[A-Za-z_$][\w$]*(?:\.[A-Za-z_]\w*)*)
    |(?P<arrow>-+>|=+>|\|>|>>|→|⇒)
    |(?P<gives>:=|<-|=(?!=)|:)
    |(?P<comma>[,，])
    |(?P<operator>//|\*\*|[-+*/%|;])
    |(?P<open>[(\[{])
    |(?P<close>[)\]}])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    matches = _TOKEN.finditer(text)
    return [Token(m.lastgroup or "", m[0], m.start(), m.end()) for m in matches if m.lastgroup != "space"]
