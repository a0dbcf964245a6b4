"""The words that stand in pictures, in both languages, and addresses as pictures write them."""

from __future__ import annotations

from quire.records.chapter import Both
from quire.records.heap import BlockState, PoolState
from quire.records.machine import LockHappening

ARENA = Both("arena", "아레나")
POOL = Both("pool", "풀")
BLOCKS_OF = Both("{count:,} blocks of {size:,} bytes", "{size:,}바이트 블록 {count:,}개")
POOLS_IN = Both("{count:,} pools", "풀 {count:,}개")
RUN = Both("run", "런")
HOLE = Both("hole", "빈 곳")
MAPPING = Both("mapping", "매핑")
EMPTY_HEAP = Both("nothing is obtained from the system", "시스템에서 받은 것이 없다")
MORE = Both("… and {count:,} more", "… 그 밖에 {count:,}개")

POOL_STATES = {
    PoolState.FULL: Both("full", "가득 참"),
    PoolState.USED: Both("used", "사용 중"),
    PoolState.EMPTY: Both("empty", "빈 풀"),
}
UNTOUCHED_POOLS = Both("untouched", "손대지 않음")
BLOCK_STATES = {
    BlockState.ALLOCATED: Both("allocated", "할당됨"),
    BlockState.FREE: Both("free", "해제됨"),
    BlockState.UNTOUCHED: Both("untouched", "손대지 않음"),
}
FREE_LIST = Both("free blocks, next first", "해제된 블록, 다음에 나갈 것부터")
USED_POOLS = Both("used pools, blocks of {size:,} bytes", "사용 중인 풀, {size:,}바이트 블록")
FREE_POOLS = Both("empty pools, next first", "빈 풀, 다음에 쓰일 것부터")
AVAILABLE = Both("available arenas, fullest first", "자리가 있는 아레나, 가장 찬 것부터")

CALL_STACK = Both("call stack, last call above", "호출 스택, 마지막 호출이 위")
HEAP = Both("heap", "힙")
MODULE_NAMES = Both("names of the module", "모듈의 이름")
ON_THE_STACK = Both("(value)", "(값)")
NO_NAMES = Both("(no variables)", "(변수 없음)")
NO_CALLS = Both("(no call is left)", "(남은 호출 없음)")
NEXT = Both("next", "다음")
LINE = Both("line {line}", "{line}번째 줄")
OVER = Both("the program is over", "프로그램이 끝났다")
PRINTED = Both("printed", "출력")
COUNT = Both("count", "참조 수")
IMMORTAL = Both("immortal", "불멸")

FRAMES = Both("frames", "프레임")
ZEROS = Both("never written: zeros", "쓴 적 없음: 모두 0")
NO_PAGES = Both("(no pages)", "(페이지 없음)")

STEP = Both("step", "단계")
RUNS = Both("runs", "실행")
WAITS = Both("waits", "대기")
RESTS = Both("does not run", "쉼")
HAS_THE_LOCK = Both("holds the lock, and runs", "잠금을 쥐고 실행")
HAPPENED = {
    LockHappening.TAKES: Both("takes the lock", "잠금을 얻는다"),
    LockHappening.WAITS: Both("waits for it", "잠금을 기다린다"),
    LockHappening.ASKS: Both("asks for it", "잠금을 달라고 요청한다"),
    LockHappening.DROPS: Both("drops it", "잠금을 놓는다"),
    LockHappening.ENDS: Both("ends", "끝난다"),
}

YES = Both("yes", "예")
NO = Both("no", "아니요")


_USES = {
    "list items": "리스트 항목",
    "keys table": "키 테이블",
    "attribute values": "속성 값",
    "shared names": "공유하는 이름",
    "call stack": "호출 스택",
    "objects made once": "한 번만 만드는 객체",
    "small integers": "작은 정수",
    "single characters": "한 글자 문자열",
    "interned strings": "인턴된 문자열",
}


def use(what: str) -> Both:
    """What a block or a cache is for, which records tell in English; a type's name stays as it is."""
    return Both(what, _USES.get(what, what))


def address(value: int) -> str:
    """An address as pictures write it."""
    return f"{value:#x}"
