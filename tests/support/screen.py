"""What a terminal shows after what was written to it: as much of one as a progress display uses."""

from __future__ import annotations

import re

_PART = re.compile(r"\x1b\[(\d*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)|(.)", re.DOTALL)


class Screen:
    """A terminal whose paper never ends, so that nothing scrolls out of sight."""

    def __init__(self, width: int) -> None:
        """Start empty."""
        self.width = width
        self.rows: list[str] = [""]
        self.row = self.column = 0

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, without blanks at the ends."""
        return [row.rstrip() for row in self.rows]

    def take(self, text: str) -> Screen:
        """Show text, and do what its control sequences say.

        Raises:
            ValueError: There is one that a progress display does not need.
        """
        text = re.sub(r"\x1b\[[\d;]*m", "", text)  # colours
        for number, letter, control, plain, strange in _PART.findall(text):
            if control == "\r":
                self.column = 0
            elif control == "\n":
                self._next_row()
            elif letter == "A":
                self.row = max(0, self.row - int(number or 1))
            elif letter == "J" and not number:
                self.rows[self.row] = self.rows[self.row][: self.column]
                del self.rows[self.row + 1 :]
            elif plain:
                self._put(plain)
            else:
                raise ValueError(repr(letter or strange))
        return self

    def _next_row(self) -> None:
        self.row += 1
        self.column = 0  # a terminal makes CR LF of it
        if self.row == len(self.rows):
            self.rows.append("")

    def _put(self, plain: str) -> None:
        for letter in plain:
            if self.column == self.width:
                self._next_row()
            row = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = row[: self.column] + letter + row[self.column + 1 :]
            self.column += 1
