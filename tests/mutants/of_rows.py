"""Mutants of what an answer says: rows, cells, and failures."""

from mutants.mutant import Mutant

ROWS = {
    "failure in a 200": Mutant(
        breaks="an answer that contains a failure is not an empty report",
        file="decoding/envelope.py",
        old="    raise_if_failed(body, found[0] if found else None)\n",
        new="",
    ),
    "no rows": Mutant(
        breaks="an answer without a list of rows is not an empty report",
        file="decoding/envelope.py",
        old="    if found is None:\n        keys = (",
        new="    if found is None:\n        return (), []\n    if found is None:\n        keys = (",
    ),
    "retried page": Mutant(
        breaks="the rows of a request that was repeated come once",
        file="singer/base_stream.py",
        old="                self._writer.write_records(self.name, page.rows, page.added)\n",
        new="                for _ in range(1 + min(self.run.summary.retries, 1)):\n"
        "                    self._writer.write_records(self.name, page.rows, page.added)\n",
    ),
    "blanks in names": Mutant(
        breaks="a column is found when the server puts a blank before its name",
        file="decoding/envelope.py",
        old="if any(name != name.strip() for name in names):",
        new="if not rows:",
    ),
    "blanks in the metadata": Mutant(
        breaks="columns have their names without blanks",
        file="reports/columns.py",
        old='name, declared = entry["name"].strip(), ',
        new='name, declared = entry["name"], ',
    ),
    "missing key": Mutant(
        breaks="a key that is missing is empty or 0, not null",
        file="decoding/rows.py",
        old="if NoneType not in set(map(type, cells)):",
        new="if column.kind is not Kind.DATE or NoneType not in set(map(type, cells)):",
    ),
    "currency": Mutant(
        breaks="money of two currencies is not added up",
        file="reports/columns.py",
        old='return self.role is Role.DATA_FIELD and self.kind is Kind.TEXT and "currency" in self.name.lower()',
        new="return False",
    ),
    "boolean grain": Mutant(
        breaks="a boolean that splits rows belongs to their key",
        file="reports/columns.py",
        old="self.kind in {Kind.INTEGER, Kind.NUMBER, Kind.UNKNOWN}",
        new="self.kind in {Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN, Kind.UNKNOWN}",
    ),
    "money cut short": Mutant(
        breaks="money keeps the digits that were sent",
        file="exact_numbers.py",
        old="return [msgspec.Raw(cell) if cell else NULL for cell in ",
        new="return [msgspec.Raw(cell[:6].rstrip(b'.')) if cell else NULL for cell in ",
    ),
    "figure taken for zero": Mutant(
        breaks="figures sent as text are the same as numbers",
        file="exact_numbers.py",
        old="    return int(number)\n",
        new="    return int(number) if not isinstance(cell, str) else 0\n",
    ),
    "U+0000": Mutant(
        breaks="U+0000, which databases refuse, is dropped",
        file="reports/columns.py",
        old='return text.replace("\\x00", "")',
        new="return text",
    ),
}
