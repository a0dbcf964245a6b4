"""Records that are told best as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from quire.records.chapter import Both, Record, Rows
from quire.records.objects import Area, CacheRecord, Collection, Happening, ObjectEvent, UsedBlock
from quire.records.programs import NameRecord, PycRecord
from quire.records.statistics import HeapStatistics
from quire.report.pictures.words import COUNT, IMMORTAL, address, use

_Kind = TypeVar("_Kind")

_TYPE = Both("type", "타입")
_ADDRESS = Both("address", "주소")
_POLICIES = {
    "preallocation": Both("preallocation", "사전 할당"),
    "sharing": Both("sharing", "공유"),
    "caching": Both("caching", "캐싱"),
    "segmentation": Both("segmentation", "분할"),
}
_HAPPENINGS = {
    Happening.MADE: Both("made", "만들어졌다"),
    Happening.REUSED: Both("made from a kept one", "보관된 것으로 만들어졌다"),
    Happening.FINALIZED: Both("finalized", "파이널라이저가 호출되었다"),
    Happening.RESURRECTED: Both("resurrected", "되살아났다"),
    Happening.CLEARED: Both("weak reference cleared", "약한 참조가 비워졌다"),
    Happening.POSTPONED: Both("postponed", "해제가 미뤄졌다"),
    Happening.KEPT: Both("kept for the next", "다음을 위해 보관되었다"),
    Happening.FREED: Both("freed", "해제되었다"),
}
_AREAS = {
    Area.OBJECT: Both("object", "객체"),
    Area.TABLE: Both("table", "테이블"),
    Area.INTERPRETER: Both("interpreter", "인터프리터"),
}


def of_kind(kind: type[_Kind], records: Sequence[object]) -> list[_Kind]:
    """Those of the records that are of this kind."""
    return [each for each in records if isinstance(each, kind)]


def as_rows(records: Sequence[Record]) -> Rows | None:
    """Records of one kind as a table; ``None`` where they are no kind that is told so."""
    match records[0]:
        case Rows():
            return records[0]
        case ObjectEvent():
            return events(of_kind(ObjectEvent, records))
        case CacheRecord():
            return caches(of_kind(CacheRecord, records))
        case UsedBlock():
            return used_blocks(of_kind(UsedBlock, records))
        case NameRecord():
            return names(of_kind(NameRecord, records))
        case Collection():
            return collection(records[0])
        case HeapStatistics():
            return size_classes(records[0])
        case PycRecord():
            return pyc(records[0])
        case _:
            return None


def events(happened: Sequence[ObjectEvent]) -> Rows:
    """What happened to objects, in order."""
    header = (Both("what happened", "일어난 일"), _TYPE, _ADDRESS)
    return Rows(header, tuple((_HAPPENINGS[each.happening], each.type, address(each.address)) for each in happened))


def caches(kept: Sequence[CacheRecord]) -> Rows:
    """The object-specific allocators."""
    header = (
        Both("allocator", "할당자"),
        Both("policy", "정책"),
        Both("held", "보관"),
        Both("at most", "최대"),
        Both("served", "처리한 요청"),
    )
    return Rows(
        header,
        tuple(
            (
                use(each.name),
                _POLICIES[each.policy],
                each.held,
                "-" if each.held_max is None else each.held_max,
                each.hits,
            )
            for each in kept
        ),
    )


def used_blocks(blocks: Sequence[UsedBlock]) -> Rows:
    """Memory in use, and what for."""
    header = (_ADDRESS, Both("bytes", "바이트"), Both("area", "영역"), Both("what", "쓰임"))
    return Rows(
        header, tuple((address(each.address), each.size_bytes, _AREAS[each.area], use(each.what)) for each in blocks)
    )


def names(known: Sequence[NameRecord]) -> Rows:
    """Names and what they stand for."""
    header = (Both("name", "이름"), _TYPE, Both("value", "값"), COUNT)
    return Rows(
        header,
        tuple((each.name, each.type, each.value, IMMORTAL if each.count is None else each.count) for each in known),
    )


def collection(done: Collection) -> Rows:
    """What a collection looked at, and what it made of it."""
    header = (
        Both("object", "객체"),
        _TYPE,
        COUNT,
        Both("from outside", "밖에서 온 참조"),
        Both("what became of it", "결과"),
    )
    lives, freed = Both("stays", "남는다"), Both("freed", "해제")
    back = Both("brought back", "되살아남")
    outcomes = {**dict.fromkeys(done.freed, freed), **dict.fromkeys(done.resurrected, back)}
    return Rows(
        header,
        tuple(
            (address(each.address), each.type, each.count, each.outside, outcomes.get(each.address, lives))
            for each in done.examined
        ),
    )


def size_classes(heap: HeapStatistics) -> Rows:
    """The size classes that have pools."""
    header = (
        Both("blocks of (bytes)", "블록 크기(바이트)"),
        Both("pools used", "사용 중인 풀"),
        Both("pools full", "가득 찬 풀"),
        Both("blocks allocated", "할당된 블록"),
        Both("free", "해제된 블록"),
        Both("untouched", "손대지 않은 블록"),
    )
    return Rows(
        header,
        tuple(
            (
                one.block_bytes,
                one.pools_used,
                one.pools_full,
                one.blocks_allocated,
                one.blocks_free,
                one.blocks_untouched,
            )
            for one in heap.classes
            if one.pools_used or one.pools_full
        ),
    )


def pyc(file: PycRecord) -> Rows:
    """The parts of a ``.pyc`` file."""
    return Rows(
        (Both("part", "부분"), Both("value", "값")),
        (
            (Both("magic number", "매직 넘버"), str(file.magic)),
            (Both("flags", "플래그"), str(file.flags)),
            (Both("size of the source, bytes", "소스 크기(바이트)"), str(file.source_bytes)),
            (Both("size of the file, bytes", "파일 크기(바이트)"), str(file.size_bytes)),
            (Both("code objects", "코드 객체"), f"{file.code.name}, {', '.join(one.name for one in file.code.inner)}"),
        ),
    )
