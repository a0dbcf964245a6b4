"""Pictures: what they show of a record, on how many cells, in both languages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from quire.records.chapter import Both, Language, Lines, Rows, Shown
from quire.records.heap import Arena, BlockState, HeapState, Mapping, Pool, Run
from quire.records.kinds import ArenaKind, Domain
from quire.records.machine import LockEvent, LockHappening, PageRecord, PageTable, Turns
from quire.records.objects import Area, CollectedObject, Collection, ObjectRecord, UsedBlock
from quire.records.programs import FrameRecord, NameRecord, ProgramState
from quire.report.cells import as_ascii, cells, cut, padded, wrapped
from quire.report.pictures import draw

EN, KO = Language


def pool(place: int = 0, capacity: int = 7, untouched: int = 2, free: tuple[int, ...] = (3, 1)) -> Pool:
    allocated = capacity - untouched - len(free)
    return Pool(0x10000 + place * 4096, 4096, Domain.OBJECT, 5, 512, 48, capacity, allocated, untouched, free)


def heap(*pools: Pool, arenas: int = 1) -> HeapState:
    each = tuple(
        Arena(index, 0x10000 + index * 0x40000, 0x40000, ArenaKind.SMALL, pools, (), 64 - len(pools))
        for index in range(arenas)
    )
    return HeapState("article", each, (tuple(range(arenas)),), {(Domain.OBJECT, 5): (0x10000,)}, ())


def one(address: int, *references: int, count: int | None = 1, value: str = "[...]") -> ObjectRecord:
    table = UsedBlock(address + 0x1000, 16, Area.TABLE, "list items")
    return ObjectRecord(address, "list", count, 56, value, references, (table,), 0)


CYCLE = (one(0x100, 0x200), one(0x200, 0x100, 0x200))
NAME = NameRecord("numbers", 0x100, "list", "[1, 2]", 3)
FRAMES = (
    FrameRecord("<module>", 7, 0x5000, 96, (), ()),
    FrameRecord("total", 3, 0x5060, 120, (NAME,), (NAME, NameRecord("", 0x900, "list_iterator", "<iterator>", 1))),
)
PROGRAM = ProgramState(9, None, FRAMES, (NAME,), ("6",))
PAGES = (
    PageTable("Ann", 4096, (PageRecord(0x10000, 1, "등대지기"), PageRecord(0x11000, None, ""))),
    PageTable("벤", 4096, (PageRecord(0x10000, 2, "A whale"),)),
)
TURNS = Turns(
    ("Ann", "벤"),
    ("Ann",) * 9 + ("벤",) * 9,
    (LockEvent(0, "Ann", LockHappening.TAKES), LockEvent(9, "Ann", LockHappening.ENDS)),
    True,
)
TABLE = Rows((Both("writer", "작가"), Both("letters", "글자 수")), ((Both("Ann", "앤"), 24), ("Ben", 1_024)))
RUNS = HeapState(
    "quire",
    (
        Arena(
            0,
            0x200000,
            0x200000,
            ArenaKind.RUN,
            runs=(Run(0x200000, 0x10000, BlockState.ALLOCATED), Run(0x210000, 0x1F0000, BlockState.UNTOUCHED)),
        ),
    ),
    ((), (), (0,)),
    {},
    (Mapping(0x900000, 1 << 20),),
)
COLLECTION = Collection(
    2, (CollectedObject(0x100, "list", 1, 0), CollectedObject(0x200, "list", 2, 1)), (0x100,), (), (), (), (), (0x100,)
)
EVERYTHING: list[Shown] = [
    heap(pool(), pool(1, 100, 100, ()), arenas=2), pool(), RUNS, CYCLE, one(0x100, 0x200, count=None), FRAMES, PROGRAM,
    PAGES, TURNS, TABLE, COLLECTION, (TABLE, Lines((Both("a line", "한 줄"),))), HeapState("", (), (), {}, ()),
]  # fmt: skip


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("width", [20, 40, 80, 120])
@pytest.mark.parametrize("shown", EVERYTHING, ids=lambda shown: type(shown).__name__)
def test_every_line_fits(shown: Shown, width: int, language: Language) -> None:
    """No line of a picture takes more cells than there are, by Rich's count."""
    assert [line for line in draw(shown, language, width) if cell_len(line) > width] == []


# --- what they show -------------------------------------------------------------------------------------------


def test_a_pool_shows_the_state_of_each_block_and_its_free_list() -> None:
    """Blocks stand by address; the free list names the next first."""
    assert draw(pool(), EN, 80) == [
        "pool 0x10000  7 blocks of 512 bytes: ■ allocated 3, □ free 2, · untouched 2",
        "[■□■□■··]",
        "free blocks, next first: 3 → 1",
    ]


def test_a_heap_shows_arenas_pools_and_which_is_next() -> None:
    """Each arena shows its pools by state; then come the pools' blocks and the lists."""
    assert draw(heap(pool(0, 7, 0, ()), pool(1, 4, 0, ())), KO, 100) == [
        "아레나 0  256 KiB  0x10000  풀 64개: ■ 가득 참 2, · 손대지 않음 62",
        "[■■" + "·" * 62 + "]",
        "  풀 0  512바이트 블록 7개: ■ 할당됨 7",
        "  [■■■■■■■]",
        "  풀 1  512바이트 블록 4개: ■ 할당됨 4",
        "  [■■■■]",
        "사용 중인 풀, 512바이트 블록: 0",
    ]


def test_very_many_equal_blocks_are_counted_not_drawn() -> None:
    """Of a long untouched rest one line is drawn, and the number of the others; none is lost."""
    lines = draw(pool(0, 1000, 999, ()), EN, 80)
    drawn = sum(line.count(mark) for line in lines if line.startswith("[") for mark in "■·")
    assert lines[-1] == f" … · {1000 - drawn}"
    assert drawn < 200


def test_runs_are_drawn_by_their_length() -> None:
    """A run takes its share of the line, and one mark at least; mappings stand below."""
    lines = draw(RUNS, EN, 80)
    assert lines[1].startswith("[■")
    assert lines[1].count("·") > 60
    assert lines[-1] == "mapping  1 MiB  0x900000"


def test_an_arrow_goes_from_each_reference_to_its_object() -> None:
    """A cycle of two: one arrow down, one up, and one from the second to itself."""
    assert draw(CYCLE, EN, 80) == [
        "#1 ┌─ 0x100, 56 B ────────────────────────────┐",
        "   │ ob_refcnt  1                             │◀────╮",
        "   │ ob_type    list                          │     │",
        "   │ [...]                                    │     │",
        "   │ → #2                                     ├──╮  │",
        "   └──────────────────────────────────────────┘  │  │",
        "     + list items, 16 B                          │  │",
        "#2 ┌─ 0x200, 56 B ────────────────────────────┐  │  │",
        "   │ ob_refcnt  1                             │◀─┤  │",
        "   │ ob_type    list                          │  │  │",
        "   │ [...]                                    │  │  │",
        "   │ → #1                                     ├──┼──╯",
        "   │ → #2                                     ├──╯",
        "   └──────────────────────────────────────────┘",
        "     + list items, 16 B",
    ]


def test_a_box_has_the_name_that_its_record_has() -> None:
    """Before the address; a Korean one leaves the edge where it was. What the box owns is told in the language."""
    ann, other = replace(one(0x100), name="ann"), replace(one(0x200), name="앤")
    english, korean = draw(ann, EN, 80), draw(other, KO, 80)
    assert english[0] == "┌─ ann, 0x100, 56 B ───────────────────────┐"
    assert korean[0].startswith("┌─ 앤, 0x200, 56 B ─")
    assert {cell_len(line) for line in (*english[:-1], *korean[:-1])} == {44}
    assert (english[-1], korean[-1]) == ("  + list items, 16 B", "  + 리스트 항목, 16 B")


def test_an_object_that_is_not_counted_is_called_immortal() -> None:
    """In place of a number, the word in the reader's language."""
    assert "│ ob_refcnt  불멸" in "\n".join(draw(one(0x100, count=None), KO, 80))


@pytest.mark.parametrize("value", ["['등대', '고래']", "'가" * 30, "'나a" * 30])
def test_a_korean_value_leaves_the_box_straight(value: str) -> None:
    """The right edge stands at the same cell in every line, also where the value is cut."""
    lines = [line for line in draw(one(0x100, 0x900, value=value), KO, 80) if line[0] in "┌│└"]
    assert {cell_len(line) for line in lines} == {44}


def test_frames_name_their_objects() -> None:
    """The last call stands above; an object is written out once, and then named by its number."""
    lines = draw(PROGRAM, EN, 80)
    assert lines[1].startswith("┌─ total, line 3, 120 B ─")
    assert lines[2].endswith("├──▶ #1 list [1, 2], count 3")
    assert lines[3].endswith("├──▶ #1")
    assert lines[4].endswith("├──▶ #2 <iterator>, count 1")
    assert lines[5].startswith("├─ <module>, line 7, 96 B ─")
    assert lines[-2:] == ["the program is over", "printed: 6"]


def test_two_processes_stand_on_either_side_of_their_frames() -> None:
    """Left and right a page each, in between the frame; a page that was never written has none."""
    assert draw(PAGES, KO, 80) == [
        "Ann           프레임                      벤",
        "0x10000 ──▶ │ 1  등대지기           │",
        "            │ 2  A whale            │ ◀── 0x10000",
        "0x11000 ──▶   -  쓴 적 없음: 모두 0",
    ]


def test_turns_show_who_ran_and_who_waited() -> None:
    """A mark a step; who has ended has none."""
    assert draw(TURNS, EN, 80) == [
        "■ holds the lock, and runs   · waits",
        "step  1        10",
        "Ann   ■■■■■■■■■",
        "벤    ·········■■■■■■■■■",
        "   0  Ann takes the lock",
        "   9  Ann ends",
    ]


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    """Columns are aligned by cells, in Korean too."""
    assert draw(TABLE, KO, 80) == ["작가  글자 수", "─────────────", "앤         24", "Ben     1,024"]


def test_a_table_that_is_too_wide_goes_on_below() -> None:
    """Words are wrapped within their column; none is lost."""
    table = Rows(("what happens", "n"), (("the keeper climbed the tower", 1), ("고래가 얼음 밑에서 노래했다", 22)))
    lines = draw(table, EN, 32 - 12)
    assert " ".join(lines).split().count("keeper") == 1
    assert max(map(cell_len, lines)) <= 32


def test_a_collection_says_what_became_of_each_object() -> None:
    """Those that are held from outside stay; the others are freed."""
    assert [line.split()[-1] for line in draw(COLLECTION, EN, 80)[2:]] == ["freed", "stays"]


@pytest.mark.parametrize("shown", EVERYTHING, ids=lambda shown: type(shown).__name__)
def test_plain_characters_take_the_places_of_drawn_ones(shown: Shown) -> None:
    """An English picture of English records is ASCII after that, and as wide as before."""
    for line in draw(shown, EN, 80):
        plain = as_ascii(line)
        assert cell_len(plain) == cell_len(line)
        assert all(letter.isascii() or "가" <= letter <= "힣" for letter in plain)


def test_a_line_moves_no_cursor() -> None:
    """What stands in memory may be any byte; on the terminal it is a blank."""
    assert draw(Lines(("a\x1b[2Jb\0c",)), EN, 80) == ["a [2Jb c"]


# --- cells ----------------------------------------------------------------------------------------------------

TEXTS = st.text(st.sampled_from("ab 한글漢字カナé│■…"), max_size=40)


@given(TEXTS)
def test_cells_are_those_that_rich_counts(text: str) -> None:
    """A Korean, Chinese or Japanese letter takes two cells."""
    assert cells(text) == cell_len(text)


@given(TEXTS, st.integers(1, 30))
def test_what_is_cut_or_padded_takes_the_cells_it_is_given(text: str, width: int) -> None:
    """Cut, no more than that many; padded, no fewer."""
    assert cell_len(cut(text, width)) <= width
    assert cell_len(padded(cut(text, width), width)) == width


@given(TEXTS, st.integers(2, 30))
def test_wrapping_loses_nothing_and_fits(text: str, width: int) -> None:
    """All letters but blanks are on the lines, in order, and no line is too long."""
    lines = wrapped(text, width)
    assert "".join(lines).replace(" ", "") == "".join(text.split())
    assert max(map(cell_len, lines)) <= width
