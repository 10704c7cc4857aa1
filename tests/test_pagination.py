"""Every row or an error, however the server paginates."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampling import examples

from tap_yoc.decoding.envelope import Answer
from tap_yoc.engine.pagination import read_pages
from tap_yoc.engine.server_behaviour import ServerBehaviour
from tap_yoc.errors import IncompleteDataError, InconsistentWindowError, UnknownEnvelopeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.decoding.envelope import RawRow

BEFORE_FIRST = ("error", "empty", "clamp", "all")
PAST_END = ("empty", "404", "last")
TOTALS = ("none", "real", "page")


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a server pages."""

    first_page: int = 1
    before_first: str = "error"
    past_end: str = "empty"
    total: str = "none"
    cap: int | None = None
    """The most rows in a page, whatever was asked for."""
    steps_asked: bool = False
    """Whether capped pages follow each other by the size asked for, so that rows between them are on no page."""
    ignores_page: bool = False


@dataclass(kw_only=True)
class Server:
    """Serves rows in pages, keeping each answer as the reader ahead does; counts what it was really asked for."""

    rows: list[RawRow]
    size: int
    form: Form = field(default_factory=Form)
    requests: int = 0
    hints: list[int | None] = field(default_factory=list)
    _kept: dict[int, Answer | None] = field(default_factory=dict)

    def get(self, number: int) -> Answer | None:
        """Return a page, which may have come before it was asked for."""
        if number not in self._kept:
            self._kept[number] = self.answer(number, self.size)
        return self._kept[number]

    def begin_to_try(self, number: int) -> Callable[[], Answer | None]:
        """Request a page that may be refused."""
        page = self.answer(number, self.size)
        return lambda: page

    def get_sized(self, number: int, page_size: int) -> Answer | None:
        """Return a page of another size."""
        return self.answer(number, page_size)

    def forget(self) -> None:
        """Drop what was read ahead, as a second reading does."""
        self._kept.clear()

    def wait_until_served(self) -> None:
        """Be there."""

    def expect(self, last: int | None) -> None:
        """Keep the hint."""
        self.hints.append(last)

    def answer(self, number: int, page_size: int) -> Answer | None:
        """Answer one request."""
        self.requests += 1
        form = self.form
        size = min(page_size, form.cap or page_size)
        step = page_size if form.steps_asked else size
        pages = [self.rows[start : start + size] for start in range(0, len(self.rows), step)] or [[]]
        index = 0 if form.ignores_page else number - form.first_page
        if index < 0:
            rows = {"error": None, "empty": [], "clamp": pages[0], "all": self.rows}[form.before_first]
        elif index < len(pages):
            rows = pages[index]
        else:
            rows = {"404": None, "empty": [], "last": pages[-1]}[form.past_end]
        if rows is None:
            return None
        return Answer(rows=list(rows), total={"none": None, "real": len(self.rows), "page": len(rows)}[form.total])


def some_rows(count: int, start: int = 1) -> list[RawRow]:
    """Return some rows, all different."""
    return [{"site_visx_id": number} for number in range(start, start + count)]


def read(server: Server, behaviour: ServerBehaviour | None = None) -> list[RawRow]:
    """Return all rows that a server gives."""
    pages = read_pages(server, ServerBehaviour() if behaviour is None else behaviour, server.size)
    return [row for page in pages for row in page]


def most_requests(server: Server) -> int:
    """Return how many requests a reading may take: each page once, and some to learn the server's behaviour."""
    return -(-len(server.rows) // min(server.size, server.form.cap or server.size)) + 6


FORMS = [
    Form(first_page=first_page, before_first=before_first, past_end=past_end, total=total, cap=cap)
    for first_page, before_first, past_end, total, cap in product((0, 1), BEFORE_FIRST, PAST_END, TOTALS, (None, 2))
    if first_page == 1 or before_first == "error"  # nobody asks for page -1
]


def name_of(form: Form) -> str:
    """Return a form in one word, for the names of the tests."""
    before = f"-before-{form.before_first}" if form.first_page else ""
    cap = f"-capped-at-{form.cap}" if form.cap else ""
    return f"first-{form.first_page}{before}-past-{form.past_end}-total-{form.total}{cap}"


@pytest.mark.parametrize("form", [pytest.param(form, id=name_of(form)) for form in FORMS])
def test_every_form_of_paging_gives_every_row_once(form: Form) -> None:
    """In every plausible form, reports of no row up to two and a half pages are read in full, in few requests."""
    for size in (1, 3, 4):
        for count in range(size * 5 // 2 + 1):
            server = Server(rows=some_rows(count), size=size, form=form)
            assert read(server) == server.rows, (size, count)
            assert server.requests <= most_requests(server), (size, count)


@pytest.mark.parametrize("form", [pytest.param(form, id=name_of(form)) for form in FORMS])
def test_what_is_learned_in_one_report_does_not_mislead_in_the_next(form: Form) -> None:
    """Reports of any sizes, read one after another with the same behaviour, are read in full."""
    for counts in product(range(8), repeat=3):
        behaviour = ServerBehaviour()
        for count in counts:
            server = Server(rows=some_rows(count), size=3, form=form)
            assert read(server, behaviour) == server.rows, counts
            assert server.requests <= most_requests(server), counts


@examples(300)
@given(
    form=st.builds(
        Form,
        first_page=st.integers(0, 1),
        before_first=st.sampled_from(BEFORE_FIRST),
        past_end=st.sampled_from(PAST_END),
        total=st.sampled_from(TOTALS),
        cap=st.none() | st.integers(1, 7),
        ignores_page=st.booleans(),
    ),
    size=st.integers(2, 9),
    counts=st.lists(st.integers(0, 24), min_size=1, max_size=5),
)
def test_never_fewer_rows_without_an_error(form: Form, size: int, counts: list[int]) -> None:
    """However a server pages, a reading gives the rows exactly or fails, within a bounded number of requests."""
    if form.cap == 1 and form.ignores_page:
        return  # one row, whatever is asked for, cannot be distinguished from a report of one row
    behaviour = ServerBehaviour()
    for count in counts:
        server = Server(rows=some_rows(count), size=size, form=form)
        try:
            assert read(server, behaviour) == server.rows
        except (InconsistentWindowError, IncompleteDataError):
            assert form.ignores_page
        assert server.requests <= most_requests(server)


@pytest.mark.parametrize("rows", [0, 3])
def test_a_page_0_without_rows_is_a_refusal_only_if_page_1_has_rows(rows: int) -> None:
    """Otherwise page 0 may be the whole report, and its answer a failure."""

    class Failing(Server):
        def begin_to_try(self, number: int) -> Callable[[], Answer | None]:
            def page() -> Answer | None:
                raise UnknownEnvelopeError("an error in the body")

            return page if number == 0 else super().begin_to_try(number)

    server = Failing(rows=some_rows(rows), size=2)
    if rows:
        assert read(server) == server.rows
    else:
        with pytest.raises(UnknownEnvelopeError):
            read(server)


@pytest.mark.parametrize("form", [form for form in FORMS if not form.first_page and not form.cap], ids=name_of)
def test_a_last_page_that_page_0_begins_with_is_not_the_report(form: Form) -> None:
    """The server starts at page 0 and orders rows otherwise each time, so that page 1 looks like a part of page 0."""

    class Unsorted(Server):
        def answer(self, number: int, page_size: int) -> Answer | None:
            self.rows = some_rows(3) if number else some_rows(1, start=3) + some_rows(2)
            return super().answer(number, page_size)

    with pytest.raises(InconsistentWindowError):
        read(Unsorted(rows=[], size=2, form=form))


@pytest.mark.parametrize("total", TOTALS)
@pytest.mark.parametrize("past_end", PAST_END)
@pytest.mark.parametrize("cap", [2, 3])
def test_rows_that_a_cap_leaves_out_are_on_no_page(total: str, past_end: str, cap: int) -> None:
    """A capped server may count its pages by the size asked for: then a report that seems to fit one page may not."""
    form = Form(total=total, past_end=past_end, cap=cap, steps_asked=True)
    for counts in product(range(9), repeat=2):
        behaviour = ServerBehaviour()
        for count in counts:
            server = Server(rows=some_rows(count), size=6, form=form)
            try:
                assert read(server, behaviour) == server.rows, counts
            except InconsistentWindowError:
                server.size = behaviour.page_cap or server.size
                server.requests = 0
                server.forget()
                assert read(server, behaviour) == server.rows, counts
            assert server.requests <= most_requests(server)


@pytest.mark.parametrize("total", ["none", "real", "page"])
@pytest.mark.parametrize("count", [5, 6, 12])
def test_a_server_that_ignores_the_page_number_is_found_out(total: str, count: int) -> None:
    """The same rows on every page are an error as soon as there may be more of them."""
    server = Server(rows=some_rows(count), size=4, form=Form(ignores_page=True, total=total))
    with pytest.raises((InconsistentWindowError, IncompleteDataError)):
        read(server)
    assert server.requests <= most_requests(server)


def test_the_error_about_an_ignored_page_number_says_what_to_do() -> None:
    """Whoever meets a server that ignores the page number gets advice."""
    with pytest.raises(IncompleteDataError, match="window_days"):
        read(Server(rows=some_rows(12), size=4, form=Form(ignores_page=True)))


@pytest.mark.parametrize(
    ("count", "part"),
    [
        pytest.param(4, [{"site_visx_id": 4}, {"site_visx_id": 3}], id="another-order"),
        pytest.param(4, [{"site_visx_id": 4}], id="a-row-less"),
        pytest.param(4, [], id="no-row"),
        pytest.param(1, [], id="no-row-of-one"),
    ],
)
def test_one_wrong_answer_is_not_taken_for_an_ignored_page_number(count: int, part: list[RawRow]) -> None:
    """The answer that proves an only page may be damaged like any other; then the window is read once more."""

    class Hiccup(Server):
        def get_sized(self, number: int, page_size: int) -> Answer | None:
            return replace(super().get_sized(number, page_size) or Answer(rows=[], total=None), rows=part)

    with pytest.raises(InconsistentWindowError, match="asked for in parts"):
        read(Hiccup(rows=some_rows(count), size=4, form=Form(past_end="last")))


@pytest.mark.parametrize("form", ["clamp", "all"])
@pytest.mark.parametrize("rows", [some_rows(4)[::-1], some_rows(4)[1:]], ids=["another-order", "a-row-less"])
def test_a_damaged_page_0_is_not_taken_for_the_first_one(form: str, rows: list[RawRow]) -> None:
    """Page 0 and page 1 have the same rows, or none in common; anything else is read once more."""

    class Hiccup(Server):
        def begin_to_try(self, number: int) -> Callable[[], Answer | None]:
            page = super().begin_to_try(number)()
            return lambda: page and replace(page, rows=rows)

    with pytest.raises(InconsistentWindowError, match="page 0 repeats rows"):
        read(Hiccup(rows=some_rows(4), size=4, form=Form(before_first=form, past_end="last")))


def test_a_report_of_one_row_may_come_on_every_page() -> None:
    """One row, again and again, is a report of one row and not a server that ignores the page number."""
    assert read(Server(rows=some_rows(1), size=500, form=Form(past_end="last"))) == some_rows(1)


class Script(Server):
    """Answers each page number as configured, and an empty page to all others."""

    def __init__(self, pages: dict[int, tuple[list[RawRow], int | None]], size: int = 4) -> None:
        """Take rows and total of each page."""
        super().__init__(rows=[], size=size)
        self.pages = pages

    def answer(self, number: int, page_size: int) -> Answer | None:
        """Answer as told."""
        del page_size
        self.requests += 1
        rows, total = self.pages.get(number, ([], None))
        return Answer(rows=rows, total=total)


ONE, TWO, THREE = some_rows(4), some_rows(4, 5), some_rows(2, 9)


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param({1: (ONE, 12), 2: (TWO, 12), 3: (THREE, 12)}, id="total-too-high"),
        pytest.param({1: (ONE, 7), 2: (TWO, 7), 3: (THREE, 7)}, id="total-too-low"),
        pytest.param({1: (ONE, 1), 2: (TWO, 1)}, id="total-far-too-low"),
        pytest.param({1: (ONE, 1_000_000)}, id="total-absurd"),
        pytest.param({1: (ONE, 0)}, id="total-zero-beside-rows"),
        pytest.param({1: (ONE, 10), 2: (TWO, 11), 3: (THREE, 11)}, id="total-grows"),
        pytest.param({1: (ONE, 10), 2: (TWO, 9), 3: (THREE, 9)}, id="total-shrinks"),
        pytest.param({1: (ONE, 4), 2: (TWO, 10), 3: (THREE, 10)}, id="total-grows-from-one-page"),
        pytest.param({1: (ONE, 10), 2: ([], 10), 3: (THREE, 10)}, id="empty-page-before-the-total"),
        pytest.param({1: (ONE, 10), 2: (ONE, 10), 3: (THREE, 10)}, id="repeated-page-with-total"),
        pytest.param({1: (ONE, None), 2: (ONE, None), 3: (TWO, None)}, id="repeated-first-page"),
        pytest.param({1: (ONE, None), 2: (TWO, None), 3: (TWO, None), 4: (THREE, None)}, id="repeated-in-the-middle"),
        pytest.param({1: (ONE, None), 2: (TWO, None), 3: (TWO, None)}, id="repeated-once-at-the-end"),
        pytest.param({1: (ONE, 10), 2: (TWO, 10)}, id="a-page-short-of-the-total"),
        pytest.param({1: ([], 7)}, id="a-total-and-no-rows"),
        pytest.param({1: (THREE, None), 2: (TWO, None)}, id="pages-that-grow"),
    ],
)
def test_pages_that_contradict_themselves_are_a_fault(pages: dict[int, tuple[list[RawRow], int | None]]) -> None:
    """A total that is not reached, changes or is passed, and a page that comes twice, are a fault."""
    server = Script(pages)
    with pytest.raises(InconsistentWindowError):
        read(server)
    assert server.requests <= 8


def test_a_fault_in_the_total_names_both_numbers() -> None:
    """A reading that is short of the total says how many rows were promised and given."""
    with pytest.raises(InconsistentWindowError, match="the server counts 12 rows but sent 10"):
        read(Script({1: (ONE, 12), 2: (TWO, 12), 3: (THREE, 12)}))


def test_nothing_is_remembered_of_a_faulty_reading() -> None:
    """What was learned in a reading that turned out faulty is not kept for the next one."""
    behaviour = ServerBehaviour()
    with pytest.raises(InconsistentWindowError):
        read(Script({1: (ONE, 12), 2: (TWO, 12), 3: (THREE, 12)}), behaviour)
    assert behaviour == ServerBehaviour()


def test_nothing_is_remembered_of_an_abandoned_reading() -> None:
    """What was learned in a reading that nobody finished is not kept either."""
    behaviour = ServerBehaviour()
    pages = read_pages(Server(rows=some_rows(10), size=4, form=Form(total="real")), behaviour, 4)
    next(iter(pages))
    pages.close()  # type: ignore[attr-defined]
    assert behaviour == ServerBehaviour()


@pytest.mark.parametrize("first_page", [0, 1])
@pytest.mark.parametrize("past_end", PAST_END)
def test_a_learned_server_costs_one_request_a_page(first_page: int, past_end: str) -> None:
    """Once first page and total are known, a report of one page takes one request, and others no extra one."""
    form = Form(first_page=first_page, past_end=past_end, total="real")
    behaviour = ServerBehaviour()
    read(Server(rows=some_rows(10), size=4, form=form), behaviour)
    assert (behaviour.first_page, behaviour.counts_all) == (first_page, True)
    for count, requests in [(1, 1), (3, 1), (4, 1), (5, 2), (8, 2), (10, 3)]:
        server = Server(rows=some_rows(count), size=4, form=form)
        assert read(server, behaviour) == server.rows
        assert server.requests == requests, count


def test_a_report_of_one_page_takes_one_request_as_soon_as_the_total_counts_all() -> None:
    """When the first page holds the whole total, nobody needs to know which number the first page has."""
    behaviour = ServerBehaviour(counts_all=True)
    server = Server(rows=some_rows(3), size=4, form=Form(total="real"))
    assert read(server, behaviour) == server.rows
    assert server.requests == 1


def test_an_empty_report_takes_one_request_once_the_first_page_is_known() -> None:
    """A report without rows needs no second request to be believed."""
    for total in TOTALS:
        server = Server(rows=[], size=4, form=Form(total=total))
        assert read(server, ServerBehaviour(first_page=1)) == []
        assert server.requests == 1


def test_a_server_without_total_is_asked_for_the_page_after_the_last() -> None:
    """Without a total, only the answer past the end proves it, also behind a page that is not full."""
    server = Server(rows=some_rows(3), size=4)
    behaviour = ServerBehaviour(first_page=1)
    assert read(server, behaviour) == server.rows
    assert server.requests == 3  # one of them sees whether three rows a page are all that the server gives
    server = Server(rows=some_rows(2), size=4)
    assert read(server, behaviour) == server.rows
    assert server.requests == 2


def test_a_count_of_the_page_is_not_taken_for_the_total() -> None:
    """A server that counts each page is read to its end, and known for it afterwards."""
    behaviour = ServerBehaviour()
    server = Server(rows=some_rows(8), size=4, form=Form(total="page"))
    assert read(server, behaviour) == server.rows
    assert behaviour.counts_all is False
    again = Server(rows=some_rows(10), size=4, form=Form(total="page"))
    assert read(again, behaviour) == again.rows


def test_pages_ahead_are_announced_as_far_as_they_surely_exist() -> None:
    """With a total, the hint for reading ahead names the last page, and never one behind it."""
    server = Server(rows=some_rows(10), size=4, form=Form(total="real"))
    read(server)
    assert server.hints == [1, 2, 3, 3, 3], "pages 1 and 2, beside which page 0 is tried twice"


def test_without_a_total_full_pages_announce_more() -> None:
    """Without a total, a full page lets more pages be fetched ahead, and a page that is not full none."""
    server = Server(rows=some_rows(10), size=4)
    read(server)
    assert server.hints == [1, 2, None, None, 3]


def test_a_capped_server_announces_more_once_its_cap_is_known() -> None:
    """Pages shorter than asked for count as full once a second one was seen, so that reading ahead goes on."""
    behaviour = ServerBehaviour()
    server = Server(rows=some_rows(7), size=4, form=Form(cap=2))
    assert read(server, behaviour) == server.rows
    assert behaviour.rows_per_page == 2
    again = Server(rows=some_rows(4), size=4, form=Form(cap=2))
    read(again, replace(behaviour))
    assert again.hints == [None, None]


def test_pages_come_one_by_one() -> None:
    """The first page is handed on before the second one is asked for, so that memory stays flat."""
    server = Server(rows=some_rows(10), size=4, form=Form(total="real"))
    pages = read_pages(server, ServerBehaviour(first_page=1), 4)
    assert next(pages) == some_rows(4)
    assert server.requests == 1


@pytest.mark.parametrize("count", [2, 3])
def test_an_ignored_page_number_is_found_out_at_page_size_one(count: int) -> None:
    """Where a page holds one row, a server that ignores the page number is found out, too."""
    with pytest.raises((InconsistentWindowError, IncompleteDataError)):
        read(Server(rows=some_rows(count), size=1, form=Form(ignores_page=True)))


@pytest.mark.parametrize("page", [2, 3])
def test_a_single_404_is_not_the_end(page: int) -> None:
    """A page that the server once says does not exist, and then gives, is read with all that comes behind it."""

    class Hiccup(Server):
        def get(self, number: int) -> Answer | None:
            return None if number == page else super().get(number)

    server = Hiccup(rows=some_rows(10), size=4, form=Form(past_end="404"))
    assert read(server) == server.rows


def test_a_single_404_to_page_1_does_not_make_an_empty_page_0_the_report() -> None:
    """A server that starts at page 1 and answers page 0 with no rows has some, whatever it says once of page 1."""

    class Hiccup(Server):
        def get(self, number: int) -> Answer | None:
            return None if number == 1 else super().get(number)

    server = Hiccup(rows=some_rows(3), size=4, form=Form(before_first="empty", past_end="404"))
    with pytest.raises(InconsistentWindowError, match="404 to page 1"):
        read(server)
