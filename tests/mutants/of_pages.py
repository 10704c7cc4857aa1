"""Mutants of the pages of a report, and of the checks that show whether they are all of it."""

from mutants.mutant import Mutant

PAGES = {
    "page 0": Mutant(
        breaks="the first page is read from a server that counts from 0",
        file="engine/pagination.py",
        old="    learned.first_page = 0\n    return 0, 0\n",
        new="    learned.first_page = 1\n    return 1, 0\n",
    ),
    "short page": Mutant(
        breaks="a page shorter than asked for does not prove the end",
        file="engine/pagination.py",
        old="        yield rows\n        number += 1\n",
        new="        yield rows\n        number += 1\n        if len(rows) < page_size:\n            break\n",
    ),
    "total": Mutant(
        breaks="a report with fewer rows than the server counts is not complete",
        file="engine/pagination.py",
        old="if total is not None and read != total:",
        new="if read < 0:",
    ),
    "repeated page": Mutant(
        breaks="a page that repeats the one before it is the end only if the next one does so, too",
        file="engine/pagination.py",
        old="if not again or again.rows != rows:",
        new="if again is learned:",
    ),
    "page number ignored": Mutant(
        breaks="a page that repeats the one before it is not loaded",
        file="engine/pagination.py",
        old="        if rows and PageEnds(rows) == previous:\n",
        new="        if rows is total:\n",
    ),
    "404": Mutant(
        breaks="a 404 is believed to be the end only when it comes twice",
        file="engine/pagination.py",
        old="again = pages.get_sized(number, page_size)",
        new="again = None",
    ),
    "capped pages": Mutant(
        breaks="rows between pages that the server cuts short are not lost",
        file="engine/page_sizes.py",
        old="    if cap >= page_size or learned.cap_is_harmless:\n        return\n",
        new="    if cap:\n        return\n",
    ),
    "capped only page": Mutant(
        breaks="rows behind the only page of a report, which the server cuts short, are not lost",
        file="engine/page_sizes.py",
        old="    if not is_the_largest:\n        return\n",
        new="    if only:\n        return\n",
    ),
    "read ahead": Mutant(
        breaks="pages fetched ahead of their time are of the window that is read",
        file="engine/prefetch.py",
        old="if self._begun and self._begun[0].row_type is shape and self._begun[0].query == new.query:",
        new="if self._begun and self._begun[0].row_type is shape:",
    ),
    "order": Mutant(
        breaks="rows that are not in the order asked for are not believed to be all",
        file="engine/integrity.py",
        old="for previous, key in pairwise(neighbours):",
        new="for previous, key in pairwise(neighbours[:1]):",
    ),
    "duplicate key": Mutant(
        breaks="a row comes once",
        file="engine/integrity.py",
        old="if len(fresh) < len(keys) or not self._seen.isdisjoint(fresh):",
        new="if not fresh:",
    ),
    "foreign day": Mutant(
        breaks="a row of a day that was not asked for is not loaded",
        file="engine/integrity.py",
        old="if not self._first <= day <= self._last:",
        new="if not day:",
    ),
    "control totals": Mutant(
        breaks="each day adds up to the account's total",
        file="engine/window_reading.py",
        old="run.control_totals.differences(sums, self.window) if sums.metrics else {}",
        new="{}",
    ),
    "no second reading": Mutant(
        breaks="a window that contradicts itself is read once more",
        file="engine/reread.py",
        old="        yield from attempt(is_last=True)\n",
        new="        raise InconsistentWindowError\n",
    ),
    "second reading believed": Mutant(
        breaks="a window that contradicts itself twice is not complete",
        file="engine/report_reading.py",
        old="        yield from with_reread(partial(reading.pages, upcoming), what, run.summary.warn)\n",
        new="        try:\n"
        "            yield from with_reread(partial(reading.pages, upcoming), what, run.summary.warn)\n"
        "        except Exception as failure:\n"
        "            if getattr(failure, 'exit_code', 0) != 4:\n"
        "                raise\n",
    ),
    "both readings kept": Mutant(
        breaks="of what is read twice only the second reading counts",
        file="engine/window_reading.py",
        old="sums = DailySums(self._compared_metrics())",
        new="self._sums = sums = vars(self).get('_sums') or DailySums(self._compared_metrics())",
    ),
    "one fetched_at a page": Mutant(
        breaks="all rows of a day have one fetched_at",
        file="engine/window_reading.py",
        old="fetched_at = fetched_at or self._arrival(answers_before)",
        new="fetched_at = self._arrival(answers_before)",
    ),
    "fetched_at of the first reading": Mutant(
        breaks="the rows of a second reading are newer than those of the first",
        file="engine/window_reading.py",
        old="max(self._query.received[answers_before], self.fetched_at + timedelta.resolution)",
        new="self._query.received[0]",
    ),
    "oldest name": Mutant(
        breaks="an entity has the name of its newest day",
        file="engine/entity_reading.py",
        old="newest[row[id_column.name]] = chosen[row[id_column.name]] = row",
        new="newest[row[id_column.name]] = chosen[row[id_column.name]] = chosen[row[id_column.name]] or row",
    ),
    "entity doubled": Mutant(
        breaks="an entity has one row",
        file="engine/entity_reading.py",
        old="for row in newest.values()\n",
        new="for row in [*newest.values(), *list(newest.values())[:1]]\n",
    ),
    "entity without an id": Mutant(
        breaks="what has no id is no entity",
        file="engine/entity_reading.py",
        old="if row[id_column.name] != id_column.missing:",
        new="if row:",
    ),
}
