"""What the two articles say, what CPython does, since which version; and each line can be seen.

    claim    article 2: 'classes of 8 bytes, 64 of them'
    verdict  once: true up to 3.7.3
    see()    size classes   expected 32   seen 32      <- measured now, in a Python of its own
             smallest block expected 16   seen 16

The articles are good guides to an allocator that has changed since, and simplify where a simpler word was at hand. Here
is line by line what they say in our words, in English and in Korean, what CPython does, and a program that shows it.
Article 1 is the shorter one on memory management, with its open questions; article 2 the longer one, from the empty
book to the arenas (for CPython 3.7).

Source: the claims' own ``source``, each looked up.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from quire.errors import UnsupportedRuntime
from quire.model import measured
from quire.model.chapters.telling import code_of, told_in
from quire.model.real import in_fresh_python
from quire.records.chapter import Both as Text
from quire.records.chapter import ChapterTold, Language, Picture, Prose, ProseKind, Rows, StepTold


class Verdict(StrEnum):
    """How a claim stands to CPython as it is today."""

    TRUE = "true"
    ONCE = "once"
    """It was so, up to the version that ``since`` names."""
    PARTLY = "partly"
    WRONG = "wrong"
    ASKED = "asked"
    """Not a claim but a question that the article leaves open; ``does`` answers it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One value that a program finds: what it is, and what it has to be if ``does`` is right."""

    label: Text
    expected: object


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding, and the value that was found."""

    finding: Finding
    value: object

    @property
    def agrees(self) -> bool:
        """Whether CPython did what the claim's ``does`` says."""
        return self.value == self.finding.expected


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of the table."""

    key: str
    article: int
    says: Text
    verdict: Verdict
    does: Text
    since: Text | str
    """The CPython version from which on ``does`` is right."""
    source: str
    measure: str
    """The function of ``measured`` that shows it."""
    findings: tuple[Finding, ...]
    arguments: tuple[int, ...] = ()
    """Of the function."""

    def see(self) -> tuple[Seen, ...]:
        """Run the program that shows it, and put what it found beside what it has to find.

        Raises:
            UnsupportedRuntime: this Python has not what the claim is about.
        """
        values = in_fresh_python(f"quire.model.measured:{self.measure}", *self.arguments)
        return tuple(Seen(finding, value) for finding, value in zip(self.findings, values, strict=True))


def tell_claims(language: Language) -> ChapterTold:
    """The table as a chapter is told: of each line what the article says, what CPython does, and the program that shows
    it, with what it has found now."""
    pieces = (piece for claim in CLAIMS for piece in _pieces(claim, language))
    opening = Prose(ProseKind.PARAGRAPH, _OPENING.told_in(language))
    return ChapterTold(NAME, language, TITLE.told_in(language), (opening, *pieces))


def table(language: Language) -> Rows:
    """The claims as a table, a line each; the last column names the function of ``measured`` that shows it."""
    rows = []
    for each in CLAIMS:
        does = f"{_VERDICTS[each.verdict].told_in(language)} {each.does.told_in(language)}"
        rows.append((f"{each.article}", each.says, does, each.since, each.measure))
    told = told_in(language, Rows(_TABLE, tuple(rows)))
    assert isinstance(told, Rows)
    return told


def _pieces(claim: Claim, language: Language) -> Iterator[Prose | StepTold]:
    does, verdict = claim.does.told_in(language), _VERDICTS[claim.verdict].told_in(language)
    since = claim.since.told_in(language) if isinstance(claim.since, Text) else claim.since
    since = _SINCE.told_in(language).format(since=since, source=claim.source)
    yield Prose(ProseKind.HEADING, _SAYS.told_in(language).format(claim=claim, says=claim.says.told_in(language)))
    yield Prose(ProseKind.PARAGRAPH, f"**{verdict}** {does} {since}")
    try:
        rows = tuple((seen.finding.label, str(seen.finding.expected), str(seen.value)) for seen in claim.see())
    except UnsupportedRuntime as reason:
        yield Prose(ProseKind.PARAGRAPH, _NOT_HERE.told_in(language).format(reason=reason))
        return
    found = Picture(_FOUND.told_in(language), ("Rows",), (told_in(language, Rows(_COLUMNS, rows)),))
    yield StepTold(claim.measure, code_of(getattr(measured, claim.measure)), (found,))


NAME = "articles"
TITLE = Text("What the articles say, and what CPython does", "두 글이 말하는 것과 CPython이 하는 것")
_OPENING = Text(
    "Two articles on Python's memory, both in Korean, stand behind these chapters: 1 is the shorter one, with open "
    "questions at its end; 2 the longer one, from the empty book to the arenas, on CPython 3.7. Here is line by "
    "line what they say, how it stands to CPython, since which version, and a program that shows it: each has "
    "just run in a Python of its own.",
    "이 장들의 바탕에는 파이썬의 메모리를 다룬 글 두 편이 있다. 글 1은 끝에 물음을 남긴 짧은 글이고, 글 2는 빈 "
    "책에서 시작해 아레나에서 끝나는, CPython 3.7을 다룬 긴 글이다. 두 글이 말하는 것이 CPython과 맞는지, 어느 "
    "버전부터 그런지, 무엇으로 알 수 있는지 하나씩 본다. 프로그램은 모두 방금 따로 띄운 파이썬에서 실행했다.",
)
_SAYS = Text("Article {claim.article}: {says}", "글 {claim.article}: {says}")
_SINCE = Text("Since: {since}. Source: {source}.", "버전: {since}. 출처: {source}.")
_VERDICTS = {
    Verdict.TRUE: Text("True.", "맞다."),
    Verdict.ONCE: Text("Once true.", "예전에는 맞았다."),
    Verdict.PARTLY: Text("Partly.", "일부만 맞다."),
    Verdict.WRONG: Text("No.", "아니다."),
    Verdict.ASKED: Text("Answer:", "답:"),
}
_FOUND = Text("What it finds on this Python.", "이 파이썬에서 찾은 것.")
_COLUMNS = (Text("what is looked at", "살펴본 것"), Text("has to be", "기대한 값"), Text("is", "찾은 값"))
_TABLE = (
    Text("article", "글"),
    Text("the article says", "글이 말하는 것"),
    Text("CPython does", "CPython이 하는 것"),
    Text("since", "버전"),
    Text("see it", "보기"),
)
_NOT_HERE = Text("This cannot be seen here: {reason}.", "여기서는 볼 수 없다: {reason}.")

CLAIMS: tuple[Claim, ...] = (
    # --- processes and programs ---
    Claim(
        key="kept-apart",
        article=1,
        says=Text(
            "The operating system sees to it that no process touches another's memory.",
            "운영 체제는 프로세스가 다른 프로세스의 메모리에 접근하지 못하게 한다.",
        ),
        verdict=Verdict.TRUE,
        does=Text(
            "A process that touches an address without a page of its own is ended by the system, with signal 11.",
            "자기 페이지가 없는 주소를 건드린 프로세스는 운영 체제가 시그널 11로 끝낸다.",
        ),
        since=Text("always", "처음부터"),
        source="Linux, signal(7), SIGSEGV",
        measure="touching_what_is_not_ours",
        findings=(Finding(Text("signal that ends it", "프로세스를 끝내는 시그널"), 11),),
    ),
    Claim(
        key="one-place",
        article=2,
        says=Text(
            "When two processes write to the same place at once, something dreadful happens.",
            "서로 다른 두 프로세스가 동시에 같은 위치에 쓰려고 하면 무시무시한 일이 벌어진다.",
        ),
        verdict=Verdict.WRONG,
        does=Text(
            "Each has a page table of its own, and one address is two places. It happens to two threads of one "
            "process, or where memory was asked to be shared.",
            "프로세스마다 페이지 테이블이 따로 있어서 주소가 같아도 서로 다른 곳이다. 그런 일은 한 프로세스의 두 "
            "스레드 사이에서, 또는 일부러 공유한 메모리에서 일어난다.",
        ),
        since=Text("always", "처음부터"),
        source="Linux, fork(2)",
        measure="one_address_in_two_processes",
        findings=(
            Finding(Text("the child has the same address", "자식 프로세스에서도 주소가 같다"), True),
            Finding(Text("the child wrote 2 there, and reads", "자식이 2를 쓰고 읽은 값"), 2),
            Finding(Text("the parent wrote 1 there, and reads after that", "1을 써 둔 부모가 그 뒤에 읽은 값"), 1),
        ),
    ),
    Claim(
        key="pycache",
        article=2,
        says=Text(
            "Bytecode is kept in .pyc files, in a folder named _pycache.",
            "바이트코드는 _pycache라는 폴더의 .pyc 파일에 보관된다.",
        ),
        verdict=Verdict.PARTLY,
        does=Text(
            "The folder is __pycache__. A file has a header of 16 bytes, and then a code object, written out.",
            "폴더 이름은 __pycache__다. 파일은 16바이트 헤더와, 그 뒤에 이어지는 코드 객체로 이루어진다.",
        ),
        since=Text("3.2 (the folder), 3.7 (16 bytes)", "3.2 (폴더), 3.7 (16바이트)"),
        source="PEP 3147; PEP 552",
        measure="compiled_file",
        findings=(
            Finding(Text("folder", "폴더"), "__pycache__"),
            Finding(Text("a code object begins at byte 16", "16바이트 뒤가 코드 객체다"), True),
        ),
    ),
    # --- the allocator ---
    Claim(
        key="classes",
        article=2,
        says=Text(
            "Size classes are 8 bytes apart: 1-8, 9-16, ... 505-512, 64 of them.",
            "크기 클래스는 8바이트 간격이다: 1-8, 9-16, … 505-512, 모두 64개.",
        ),
        verdict=Verdict.ONCE,
        does=Text(
            "On 64-bit machines they are 16 bytes apart, 32 of them, because compilers rely on 16-byte alignment.",
            "64비트 기계에서는 16바이트 간격이고 모두 32개다. 컴파일러가 16바이트 정렬을 전제하기 때문이다.",
        ),
        since="3.7.4, 3.8",
        source="bpo-27987 (GH-12850; GH-13318 for 3.7); Objects/obmalloc.c, ALIGNMENT",
        measure="classes",
        findings=(
            Finding(Text("size classes", "크기 클래스 수"), 32),
            Finding(Text("smallest block, bytes", "가장 작은 블록(바이트)"), 16),
            Finding(Text("largest block, bytes", "가장 큰 블록(바이트)"), 512),
        ),
    ),
    Claim(
        key="last-row",
        article=2,
        says=Text(
            "The last row of the size table is printed as 505-51251263.",
            "크기 표의 마지막 줄이 505-51251263으로 찍혀 있다.",
        ),
        verdict=Verdict.WRONG,
        does=Text(
            "The columns ran together: requests of 505-512 bytes, blocks of 512 bytes, class 63. Today it is "
            "497-512, 512 bytes, class 31.",
            "칸이 붙어 버린 것이다: 요청 505-512바이트, 블록 512바이트, 클래스 63. 지금은 497-512, 512바이트, "
            "클래스 31이다.",
        ),
        since="3.7.4, 3.8",
        source="Objects/obmalloc.c, the table in its opening comment; bpo-27987",
        measure="blocks_for",
        arguments=(496, 497, 505, 512),
        findings=(
            Finding(Text("block for 496 bytes", "496바이트 요청의 블록"), 496),
            Finding(Text("block for 497 bytes", "497바이트 요청의 블록"), 512),
            Finding(Text("block for 505 bytes", "505바이트 요청의 블록"), 512),
            Finding(Text("block for 512 bytes", "512바이트 요청의 블록"), 512),
        ),
    ),
    Claim(
        key="forty-two",
        article=2,
        says=Text("A request of 42 bytes gets a block of 48.", "42바이트를 요청하면 48바이트 블록에 놓인다."),
        verdict=Verdict.TRUE,
        does=Text(
            "With 16-byte steps a request of 33 bytes gets one of 48, too, where it once got 40.",
            "16바이트 간격이 된 뒤로는 33바이트 요청도 예전의 40이 아니라 48바이트 블록을 받는다.",
        ),
        since="3.7.4, 3.8",
        source="Objects/obmalloc.c, INDEX2SIZE",
        measure="blocks_for",
        arguments=(42, 33),
        findings=(
            Finding(Text("block for 42 bytes", "42바이트 요청의 블록"), 48),
            Finding(Text("block for 33 bytes", "33바이트 요청의 블록"), 48),
        ),
    ),
    Claim(
        key="page",
        article=2,
        says=Text(
            "Python takes the system's page to be 256 KB.",
            "파이썬은 시스템의 페이지 크기를 256KB로 본다.",
        ),
        verdict=Verdict.WRONG,
        does=Text(
            "Pages are 4 KiB on most machines, and CPython assumes that. 256 KiB was the size of an arena.",
            "대부분의 기계에서 페이지는 4KiB이고 CPython도 그렇게 가정한다. 256KiB는 아레나의 크기였다.",
        ),
        since=Text("always", "처음부터"),
        source="Objects/obmalloc.c, SYSTEM_PAGE_SIZE and ARENA_SIZE",
        measure="page",
        findings=(
            Finding(Text("page, bytes", "페이지(바이트)"), 4096),
            Finding(Text("asked of the system at once, bytes", "한 번에 시스템에 요청하는 크기(바이트)"), 1 << 20),
        ),
    ),
    Claim(
        key="arena",
        article=2,
        says=Text(
            "The largest pieces, arenas, have 256 KB.",
            "가장 큰 덩어리인 아레나는 256KB이다.",
        ),
        verdict=Verdict.ONCE,
        does=Text(
            "1 MiB on 64-bit machines, since a radix tree tells which addresses are an arena's.",
            "64비트 기계에서는 1MiB다. 어느 주소가 아레나의 것인지 기수 트리로 찾게 된 뒤부터다.",
        ),
        since="3.10",
        source="bpo-37448 (GH-14474); Include/internal/pycore_obmalloc.h, ARENA_BITS",
        measure="page",
        findings=(
            Finding(Text("page, bytes", "페이지(바이트)"), 4096),
            Finding(Text("arena, bytes", "아레나(바이트)"), 1 << 20),
        ),
    ),
    Claim(
        key="pool",
        article=2,
        says=Text(
            "A pool is one virtual page, 4 KB.",
            "풀은 가상 메모리 페이지 하나(4KB)다.",
        ),
        verdict=Verdict.ONCE,
        does=Text(
            "Four pages, 16 KiB, with a header of 48 bytes: 340 blocks of 48 bytes, where 4 KiB held 84 and not 85.",
            "네 페이지, 16KiB다. 그중 48바이트는 풀의 헤더다: 48바이트 블록이 340개 들어간다. 4KiB에는 85개가 아니라 "
            "84개가 들어갔다.",
        ),
        since="3.10",
        source="bpo-37448 (GH-14474); Include/internal/pycore_obmalloc.h, POOL_BITS, POOL_OVERHEAD",
        measure="pool",
        findings=(
            Finding(Text("pool, bytes", "풀(바이트)"), 16384),
            Finding(Text("header, bytes", "헤더(바이트)"), 48),
            Finding(Text("blocks of 48 bytes", "48바이트 블록 수"), 340),
        ),
    ),
    Claim(
        key="first-pool",
        article=2,
        says=Text(
            "If a request of 8 bytes finds no used pool of its class, an empty one is set up for it.",
            "8바이트 요청에 쓸 사용 중인 풀이 없으면 빈 풀을 초기화한다.",
        ),
        verdict=Verdict.TRUE,
        does=Text(
            "The request gets the first block of a pool, right behind its header; the next request gets the next "
            "block.",
            "첫 요청은 풀의 헤더 바로 뒤에 있는 첫 블록을, 다음 요청은 그다음 블록을 받는다.",
        ),
        since=Text("always; a block of 16 bytes 3.7.4, 3.8", "처음부터; 16바이트 블록은 3.7.4, 3.8"),
        source="Objects/obmalloc.c, allocate_from_new_pool",
        measure="first_of_a_pool",
        arguments=(8,),
        findings=(
            Finding(Text("the block begins so many bytes into its pool", "풀 안에서 블록이 시작하는 위치(바이트)"), 48),
            Finding(Text("the next one so many behind it", "다음 블록까지의 거리(바이트)"), 16),
        ),
    ),
    Claim(
        key="states",
        article=2,
        says=Text(
            "A pool is used, full or empty. A full one that gets a block back is used again; an empty one serves "
            "any class.",
            "풀은 사용 중이거나, 가득 찼거나, 비어 있다. 가득 찬 풀은 블록이 돌아오면 다시 쓰이고, 빈 풀은 어느 크기 "
            "클래스든 맡는다.",
        ),
        verdict=Verdict.TRUE,
        does=Text(
            "The full pool that gets a block back is the first to be asked.",
            "블록이 돌아온 풀이 맨 먼저 쓰인다.",
        ),
        since=Text("always", "처음부터"),
        source="Objects/obmalloc.c, insert_to_usedpool and insert_to_freepool",
        measure="pool_states",
        findings=(
            Finding(Text("a full pool gives nothing", "가득 찬 풀은 내주지 않는다"), True),
            Finding(Text("with a block back, it serves first", "블록이 돌아오면 먼저 쓰인다"), True),
            Finding(Text("empty, it serves another class", "비면 다른 크기 클래스를 맡는다"), True),
        ),
    ),
    Claim(
        key="linked",
        article=2,
        says=Text(
            "A pool is in a doubly linked list with the other pools of its size class.",
            "풀은 같은 크기 클래스의 다른 풀들과 이중 연결 리스트를 이룬다.",
        ),
        verdict=Verdict.TRUE,
        does=Text(
            "Two words of its header lead to the next used pool and to the one before. A full pool is in no list.",
            "헤더의 두 워드가 다음과 이전의 사용 중인 풀을 가리킨다. 가득 찬 풀은 어느 목록에도 없다.",
        ),
        since="2.3",
        source="Include/internal/pycore_obmalloc.h, struct pool_header",
        measure="linked_pools",
        findings=(
            Finding(Text("the first pool leads to the second", "첫째 풀이 둘째 풀을 가리킨다"), True),
            Finding(Text("the second leads back", "둘째 풀이 첫째 풀을 가리킨다"), True),
        ),
    ),
    Claim(
        key="free-list",
        article=2,
        says=Text(
            "A block that is freed is put at the front of its pool's free list.",
            "해제된 블록은 풀의 free 목록 맨 앞에 놓인다.",
        ),
        verdict=Verdict.TRUE,
        does=Text(
            "Last in, first out: of three freed blocks the last goes out first.",
            "나중에 들어온 것이 먼저 나간다: 해제된 세 블록 가운데 마지막 것이 먼저 나간다.",
        ),
        since=Text("always", "처음부터"),
        source="Objects/obmalloc.c, pymalloc_free",
        measure="reuse",
        findings=(
            Finding(Text("first request gets block", "첫 요청이 받는 블록"), 2),
            Finding(Text("second request gets block", "둘째 요청이 받는 블록"), 1),
            Finding(Text("third request gets block", "셋째 요청이 받는 블록"), 0),
        ),
    ),
    Claim(
        key="untouched",
        article=2,
        says=Text(
            "Memory is not touched before it is needed, at any level: arena, pool, block.",
            "아레나, 풀, 블록 모든 단계에서 메모리는 필요해질 때까지 건드리지 않는다.",
        ),
        verdict=Verdict.TRUE,
        does=Text(
            "An arena is asked for when a request needs it, and of its 64 pools one is written to. A block that was "
            "used before goes out before one that never was.",
            "아레나는 필요한 요청이 왔을 때 받고, 그 풀 64개 가운데 하나에만 쓴다. 한 번 쓰였던 블록이 한 번도 쓰이지 "
            "않은 블록보다 먼저 나간다.",
        ),
        since=Text("always", "처음부터"),
        source="Objects/obmalloc.c, new_arena and pymalloc_pool_extend",
        measure="untouched",
        findings=(
            Finding(Text("arenas before the first request", "첫 요청 전의 아레나 수"), 0),
            Finding(Text("pools written to after three", "세 요청 뒤에 무언가 쓰인 풀의 수"), 1),
            Finding(Text("the free block goes first", "해제된 블록이 먼저 나간다"), True),
            Finding(Text("then the next untouched one", "그다음에 손대지 않은 블록이 나간다"), True),
        ),
    ),
    Claim(
        key="fullest",
        article=2,
        says=Text(
            "A list named available_arenas is sorted by free pools; the arena with the fewest serves first.",
            "available_arenas라는 목록이 남은 풀 수로 정렬되며, 가장 적게 남은 아레나가 먼저 쓰인다.",
        ),
        verdict=Verdict.PARTLY,
        does=Text(
            "So it is, but for the name: usable_arenas. Arenas that are full are on no list.",
            "그대로지만 이름은 usable_arenas다. 가득 찬 아레나는 어느 목록에도 없다.",
        ),
        since=Text("2.5; without a search 3.8", "2.5; 찾지 않고 고르는 것은 3.8"),
        source="Objects/obmalloc.c, usable_arenas and nfp2lasta; bpo-37029",
        measure="next_pool",
        findings=(
            Finding(Text("free pools of the arena that serves (1 or 3)", "쓰이는 아레나의 남은 풀 수(1 또는 3)"), 1),
        ),
    ),
    Claim(
        key="gives-back",
        article=2,
        says=Text(
            "Only arenas are truly freed; a freed block stays with the process.",
            "진짜로 해제될 수 있는 것은 아레나뿐이고, 해제된 블록은 프로세스에 남는다.",
        ),
        verdict=Verdict.TRUE,
        does=Text(
            "One live block keeps its arena. The last arena that has room stays even when it is empty.",
            "살아 있는 블록 하나가 아레나 전체를 붙든다. 자리가 있는 마지막 아레나는 비어도 남는다.",
        ),
        since=Text("2.5; the last one stays since 3.9", "2.5; 마지막 하나가 남는 것은 3.9"),
        source="Objects/obmalloc.c, insert_to_freepool; bpo-37257",
        measure="given_back",
        findings=(
            Finding(Text("arenas, all full", "아레나 수: 모두 가득 참"), 4),
            Finding(Text("arenas, one block left in each", "아레나 수: 블록 하나씩 남음"), 4),
            Finding(Text("arenas, none left", "아레나 수: 블록이 하나도 없음"), 1),
        ),
    ),
    # --- what the heap holds ---
    Claim(
        key="private-heap",
        article=1,
        says=Text(
            "A private heap holds all objects and data structures of Python.",
            "비공개 힙이 파이썬의 모든 객체와 자료구조를 담는다.",
        ),
        verdict=Verdict.PARTLY,
        does=Text(
            "Nearly all. Built-in classes, None and the small integers are part of the interpreter's file, and are "
            "never made or freed.",
            "거의 모두 그렇다. 내장 클래스, None, 작은 정수는 인터프리터 파일의 일부라서 만들어지지도 해제되지도 "
            "않는다.",
        ),
        since=Text("always for classes and None; small integers 3.11", "클래스와 None은 처음부터; 작은 정수는 3.11"),
        source="Objects/object.c, Objects/longobject.c; Include/internal/pycore_global_objects.h",
        measure="not_in_the_heap",
        findings=(
            Finding(Text("int lies in the file", "int는 파일 안에 있다"), True),
            Finding(Text("None lies in the file", "None은 파일 안에 있다"), True),
            Finding(Text("5 lies in the file", "5는 파일 안에 있다"), True),
            Finding(Text("[1, 2, 3] lies in the file", "[1, 2, 3]은 파일 안에 있다"), False),
        ),
    ),
    Claim(
        key="policies",
        article=1,
        says=Text(
            "Object-specific allocators work on the same heap, each with its policy: sharing, segmentation, "
            "preallocation, caching.",
            "객체별 할당자들이 같은 힙 위에서 저마다의 정책(공유, 분할, 사전 할당, 캐싱)으로 일한다.",
        ),
        verdict=Verdict.TRUE,
        does=Text(
            "Equal names are one string; dead tuples are kept by length; small integers are made once; a dead "
            "float's block serves the next.",
            "같은 이름은 문자열 하나를 함께 쓰고, 죽은 튜플은 길이별로 보관되며, 작은 정수는 한 번만 만들고, 죽은 "
            "float의 블록은 다음 float이 쓴다.",
        ),
        since=Text("always, with other limits", "처음부터, 한도는 버전마다 다르다"),
        source="Include/internal/pycore_freelist.h; Objects/unicodeobject.c, intern_common; Objects/longobject.c",
        measure="policies",
        findings=(
            Finding(Text("sharing: interned strings are one", "공유: 인턴된 문자열은 하나다"), True),
            Finding(
                Text("segmentation: a tuple of 4 does not take one of 3", "분할: 길이 4인 튜플은 3의 자리를 안 쓴다"),
                True,
            ),
            Finding(Text("segmentation: a tuple of 3 does", "분할: 길이 3은 쓴다"), True),
            Finding(Text("preallocation: two fives are one", "사전 할당: 두 5는 하나다"), True),
            Finding(Text("caching: the next float stands there", "캐싱: 다음 float이 그 자리에 있다"), True),
        ),
    ),
    Claim(
        key="large-requests",
        article=1,
        says=Text(
            "All memory is in that heap, on which the object allocators work.",
            "모든 메모리는 그 힙에 있고, 객체 할당자들이 그 위에서 일한다.",
        ),
        verdict=Verdict.PARTLY,
        does=Text(
            "Requests above 512 bytes go to libc's malloc: long lists, large dictionaries, texts.",
            "512바이트를 넘는 요청은 libc의 malloc으로 간다: 긴 리스트, 큰 딕셔너리, 긴 문자열.",
        ),
        since=Text("2.3 (above 256 bytes in Python 2)", "2.3 (파이썬 2에서는 256바이트 초과)"),
        source="Objects/obmalloc.c, SMALL_REQUEST_THRESHOLD",
        measure="large_requests",
        findings=(
            Finding(Text("512 bytes lie in an arena", "512바이트는 아레나에 있다"), True),
            Finding(Text("513 bytes lie in an arena", "513바이트는 아레나에 있다"), False),
        ),
    ),
    Claim(
        key="uses",
        article=2,
        says=Text(
            "Part of the memory is for internal use and for what is no object; the rest is for objects.",
            "메모리의 일부는 내부용과 비객체용으로 쓰고, 나머지는 객체 전용이다.",
        ),
        verdict=Verdict.PARTLY,
        does=Text(
            "What runs without the lock asks libc. But tables and buffers lie among the objects: the domains mem and "
            "object have one allocator.",
            "잠금 없이 쓰는 메모리는 libc에서 받는다. 그러나 테이블과 버퍼는 객체들 사이에 놓인다. mem과 object "
            "도메인은 할당자 하나를 함께 쓰기 때문이다.",
        ),
        since=Text("3.6, for mem", "3.6(mem)"),
        source="Objects/obmalloc.c, PYMEM_FUNCS; the C API's chapter on memory management; bpo-26249",
        measure="domains",
        findings=(
            Finding(Text("raw requests go where objects do", "raw 요청이 객체와 같은 할당자로 간다"), False),
            Finding(Text("mem requests go where objects do", "mem 요청이 객체와 같은 할당자로 간다"), True),
        ),
    ),
    Claim(
        key="locals",
        article=1,
        says=Text(
            "Local variables are in the call stack and are gone on return; the heap is for what is global.",
            "지역 변수는 호출 스택에 있다가 함수가 돌아오면 사라지고, 힙은 전역으로 쓰이는 것의 자리다.",
        ),
        verdict=Verdict.PARTLY,
        does=Text(
            "The frame holds references only, and they go. The object is in the heap whoever names it, and lives as "
            "long as somebody does.",
            "프레임에는 참조만 있고 그것은 사라진다. 객체는 누가 이름을 붙였든 힙에 있고, 참조하는 이가 있는 한 산다.",
        ),
        since=Text("always", "처음부터"),
        source="Include/internal/pycore_frame.h, localsplus",
        measure="locals_in_the_heap",
        findings=(
            Finding(Text("a local's object is in the heap", "지역 변수의 객체도 힙에 있다"), True),
            Finding(Text("it outlives the call, where it was", "호출이 끝나도 그 자리에 살아 있다"), True),
        ),
    ),
    Claim(
        key="header",
        article=2,
        says=Text(
            "PyObject, which every object begins with, holds two things: a reference count and a type.",
            "모든 객체의 첫머리인 PyObject에는 참조 수와 타입, 두 가지만 있다.",
        ),
        verdict=Verdict.TRUE,
        does=Text(
            "16 bytes: the count, then the type's address. (Free-threaded builds have more.)",
            "16바이트다: 참조 수, 그다음 타입의 주소. (프리 스레드 빌드에는 더 있다.)",
        ),
        since=Text("always", "처음부터"),
        source="Include/object.h, struct _object",
        measure="header",
        findings=(
            Finding(Text("bytes of a bare object", "맨 객체의 크기(바이트)"), 16),
            Finding(Text("the count grows with a name, by", "이름이 하나 늘 때 참조 수의 증가"), 1),
            Finding(Text("then comes the type's address", "그다음이 타입의 주소다"), True),
        ),
    ),
    Claim(
        key="largest",
        article=2,
        says=Text(
            "PyObject is the largest of all objects.",
            "PyObject는 파이썬의 모든 객체 가운데 가장 큰 것이다.",
        ),
        verdict=Verdict.WRONG,
        does=Text(
            "A slip of the translation: it is what all others descend from. In bytes it is the smallest.",
            "번역에서 생긴 실수다. 모든 객체의 조상이라는 뜻이다. 바이트로는 가장 작다.",
        ),
        since=Text("always", "처음부터"),
        source="Include/object.h; object.__basicsize__",
        measure="smallest",
        findings=(
            Finding(Text("bytes of a bare object", "맨 객체의 크기(바이트)"), 16),
            Finding(Text("types with smaller objects", "객체가 더 작은 타입의 수"), 0),
        ),
    ),
    # --- references and the collector ---
    Claim(
        key="references",
        article=2,
        says=Text(
            "A count grows by assignment, as an argument, in a list; sys.getrefcount itself adds one.",
            "참조 수는 대입, 인자 전달, 리스트에 담기로 늘고, sys.getrefcount도 하나를 더한다.",
        ),
        verdict=Verdict.TRUE,
        does=Text(
            "numbers: 1; more_numbers: 2; within sum(numbers) two more, the argument and sum's own iterator; in the "
            "matrix three more. What is seen is one higher each time.",
            "numbers는 1, more_numbers는 2. sum(numbers) 안에서는 인자와 sum의 반복자, 둘이 더 늘고, matrix에서는 "
            "셋이 더 는다. 보이는 값은 매번 하나 더 많다.",
        ),
        since=Text("always", "처음부터"),
        source="Python/bltinmodule.c, builtin_sum_impl; Python/sysmodule.c, getrefcount",
        measure="references",
        findings=(
            Finding(Text("numbers = [...]", "numbers = [...]"), 2),
            Finding(Text("more_numbers = numbers", "more_numbers = numbers"), 3),
            Finding(Text("within sum(numbers)", "sum(numbers) 실행 중"), 5),
            Finding(Text("after it", "그 뒤"), 3),
            Finding(Text("matrix = [numbers, numbers, numbers]", "matrix = [numbers, numbers, numbers]"), 6),
        ),
    ),
    Claim(
        key="getrefcount",
        article=2,
        says=Text(
            "sys.getrefcount(x) always shows one more, since x is passed to it.",
            "sys.getrefcount(x)는 x를 넘겨받으므로 늘 하나 더 많은 값을 보인다.",
        ),
        verdict=Verdict.ONCE,
        does=Text(
            "Where x is a local variable the call may borrow its reference and count nothing. In a function, with "
            "one name outside: 3 up to 3.13, then 2.",
            "x가 지역 변수이면 호출이 그 참조를 빌려 쓸 뿐 세지 않을 수 있다. 밖에 이름이 하나 있을 때 함수 안에서는 "
            "3.13까지 3, 그 뒤로는 2다.",
        ),
        since="3.14",
        source="What's New in Python 3.14; gh-130704, LOAD_FAST_BORROW",
        measure="reference_in_a_function",
        findings=(
            Finding(
                Text("sys.getrefcount(values), a local", "지역 변수 values의 sys.getrefcount"),
                3 if sys.version_info < (3, 14) else 2,
            ),
        ),
    ),
    Claim(
        key="collector",
        article=1,
        says=Text(
            "The garbage collector works by reference counting.",
            "가비지 컬렉터는 참조 카운팅으로 일한다.",
        ),
        verdict=Verdict.PARTLY,
        does=Text(
            "They are two. Counting frees an object with its last reference, collector or not. What is named the "
            "collector finds cycles, which counting never frees.",
            "둘은 다른 것이다. 참조 카운팅은 컬렉터와 상관없이 마지막 참조와 함께 객체를 해제한다. 컬렉터라 불리는 "
            "것은 카운팅이 결코 해제하지 못하는 순환을 찾는다.",
        ),
        since="2.0",
        source="Python/gc.c (Modules/gcmodule.c up to 3.12); the gc module's documentation",
        measure="collector",
        findings=(
            Finding(Text("collector off: an object dies", "컬렉터를 꺼도 객체는 죽는다"), True),
            Finding(Text("collector off: a cycle dies", "컬렉터를 끄면 순환이 죽는다"), False),
            Finding(Text("collector run: the cycle dies", "컬렉터가 돌면 순환이 죽는다"), True),
        ),
    ),
    # --- the lock ---
    Claim(
        key="lock",
        article=2,
        says=Text(
            "One global lock of the interpreter lets one thread at a time run.",
            "인터프리터의 전역 잠금 하나가 한 번에 한 스레드만 달리게 한다.",
        ),
        verdict=Verdict.PARTLY,
        does=Text(
            "So it is in the usual build, and a waiting thread asks for it after 5 ms. An interpreter may have "
            "its own since 3.12; free-threaded builds, since 3.13, have none.",
            "보통 빌드에서는 그렇고, 기다리는 스레드는 5ms 뒤에 잠금을 요청한다. 3.12부터는 인터프리터마다 따로 "
            "둘 수 있고, 3.13부터 있는 프리 스레드 빌드에는 없다.",
        ),
        since=Text(
            "3.2 (switch interval), 3.12 (PEP 684), 3.13 (PEP 703)", "3.2 (전환 간격), 3.12 (PEP 684), 3.13 (PEP 703)"
        ),
        source="Python/ceval_gil.c; PEP 684; PEP 703",
        measure="lock",
        findings=(
            Finding(Text("this Python has the lock", "이 파이썬에는 잠금이 있다"), True),
            Finding(Text("switch interval, seconds", "전환 간격(초)"), 0.005),
        ),
    ),
    # --- the questions that article 1 leaves open ---
    Claim(
        key="is-the-stack-sized-when-compiled",
        article=1,
        says=Text(
            "Is a function's stack space found and fixed when it is compiled?",
            "함수의 스택 공간은 컴파일할 때 확인되고 정해지는가?",
        ),
        verdict=Verdict.ASKED,
        does=Text(
            "The size of its frame is: the code object says how many locals and how deep a stack of values it needs. "
            "The space itself is taken at each call.",
            "프레임의 크기는 그렇다: 코드 객체에 지역 변수의 수와 값 스택의 깊이가 적혀 있다. 공간 자체는 호출할 "
            "때마다 잡는다.",
        ),
        since=Text(
            "always; frames in one piece of memory 3.11", "처음부터; 프레임이 한 덩어리 메모리에 놓이는 것은 3.11"
        ),
        source="Python/compile.c, Python/flowgraph.c (stack depth); Python/pystate.c, _PyThreadState_PushFrame",
        measure="frame_sizes",
        findings=(
            Finding(Text("locals of the small function, before any call", "작은 함수의 지역 변수 수(호출 전)"), 1),
            Finding(Text("locals of the large one", "큰 함수의 지역 변수 수"), 8),
            Finding(Text("frames differ as the code says", "프레임 크기 차이가 코드에 적힌 대로다"), True),
        ),
    ),
    Claim(
        key="do-calls-pile-frames",
        article=1,
        says=Text(
            "Does each call put a frame on the call stack when the code runs?",
            "코드를 실행할 때 함수를 호출할 때마다 호출 스택에 프레임이 쌓이는가?",
        ),
        verdict=Verdict.ASKED,
        does=Text(
            "Yes, and the return takes it off. A generator keeps its frame in the heap, and waits there with it.",
            "그렇다. 돌아오면 내려간다. 제너레이터는 자기 프레임을 힙에 지닌 채 거기서 기다린다.",
        ),
        since=Text("always", "처음부터"),
        source="Python/ceval.c; Objects/genobject.c, gi_iframe",
        measure="frames",
        findings=(
            Finding(Text("frames more within three calls", "세 겹 호출 안에서 늘어난 프레임"), 3),
            Finding(Text("frames more after their return", "돌아온 뒤 늘어난 프레임"), 0),
            Finding(Text("a waiting generator has its frame", "기다리는 제너레이터에는 프레임이 있다"), True),
        ),
    ),
    Claim(
        key="is-the-heap-given-by-type",
        article=1,
        says=Text(
            "Is heap space given at run time, by the object's type?",
            "힙 공간은 실행할 때 객체의 타입에 맞게 주어지는가?",
        ),
        verdict=Verdict.ASKED,
        does=Text(
            "Yes: when an object is made, a block of the size that its type says, and so much more for each item.",
            "그렇다: 객체가 만들어질 때, 타입이 정한 크기에 항목마다 정해진 만큼을 더한 블록을 받는다.",
        ),
        since=Text("always", "처음부터"),
        source="Objects/typeobject.c, PyType_GenericAlloc; tp_basicsize, tp_itemsize",
        measure="made_by_type",
        findings=(
            Finding(Text("blocks for 1000 objects", "객체 1000개가 받는 블록"), 1000),
            Finding(
                Text("tuples of 0, 1, 10 items, above the bare size", "항목 0, 1, 10개인 튜플의 추가 크기"), [0, 8, 80]
            ),
            Finding(Text("bytes for each item, says the type", "타입이 정한 항목당 크기"), 8),
        ),
    ),
    Claim(
        key="does-the-collector-empty-it",
        article=1,
        says=Text(
            "Does the garbage collector remove what is not referred to any more, and empty the memory?",
            "더 이상 참조되지 않는 객체는 가비지 컬렉터가 제거하고 메모리를 비우는가?",
        ),
        verdict=Verdict.ASKED,
        does=Text(
            "Mostly not: counting does, at once. The collector is for cycles. And neither empties the memory: a "
            "block goes back to its pool, and only a whole empty arena to the system.",
            "대개는 아니다: 참조 카운팅이 그 자리에서 한다. 컬렉터는 순환을 맡는다. 그리고 어느 쪽도 메모리를 비우지 "
            "않는다: 블록은 풀로 돌아가고, 통째로 빈 아레나만 시스템으로 돌아간다.",
        ),
        since="2.0",
        source="Include/object.h, Py_DECREF; Python/gc.c; Objects/obmalloc.c",
        measure="given_back",
        findings=(
            Finding(Text("arenas, all full", "아레나 수: 모두 가득 참"), 4),
            Finding(Text("arenas, all but four blocks freed", "아레나 수: 블록 넷만 남기고 모두 해제"), 4),
            Finding(Text("arenas, all freed", "아레나 수: 모두 해제"), 1),
        ),
    ),
)
"""The table."""
