"""One token of look-ahead, and the refusals that say what was expected instead of it."""

from __future__ import annotations

from typing import NoReturn

from vedette.criteria.errors import CriteriaError
from vedette.criteria.tokens import Token, TokenKind, tokens

_longest_shown = 40

_hints = {
    "=": 'a comparison is written "=="',
    "//": 'a comment begins with "#" or "/*"',
    "else": 'the language has no "else"',
    ":set": "settings stand before all statements",
    "&": 'written "&&"',
    "|": 'written "||"',
    "!": 'there is "!=" and "nregex", and no "not"',
}


class TokenReader:
    """Walks the tokens of a text; `_next` is the one not yet taken."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = next(self._tokens)

    def _advance(self) -> Token:
        token = self._next
        self._next = next(self._tokens)
        return token

    def _take(self, text: str, expected: str | None = None) -> Token:
        if self._next.text != text:
            self._refuse(expected or f'"{text}"')
        return self._advance()

    def _string(self, expected: str) -> str:
        value = self._next.value
        if not isinstance(value, str):
            self._refuse(expected)
        self._advance()
        return value

    def _refuse(self, expected: str, token: Token | None = None) -> NoReturn:
        token = token or self._next
        found = _shown(token)
        hint = f" ({_hints[token.text]})" if token.text in _hints else ""
        message = f"Expected {expected}, found {found}{hint}"
        raise CriteriaError(self._text, token.position, token.text, message)


def _shown(token: Token) -> str:
    if token.kind is TokenKind.END:
        return "the end of the criteria"
    beginning = token.text if len(token.text) <= _longest_shown else f"{token.text[:_longest_shown]}..."
    return beginning if token.kind is TokenKind.STRING else f'"{beginning}"'
