"""Claims: pieces of memory that do not overlap, and how a mapping's resident bytes are shared out to them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quire.process.claims import Claims, share_out
from quire.process.smaps import SystemMapping

END = 64
pieces = st.tuples(st.integers(0, END), st.integers(0, END), st.sampled_from("abc")).map(
    lambda piece: (min(piece[:2]), max(piece[:2]), piece[2])
)


def owners(wanted: list[tuple[int, int, str]]) -> list[str | None]:
    """Who owns each address when the first claim wins, the slow way."""
    owner: list[str | None] = [None] * END
    for start, end, row in wanted:
        for address in range(start, end):
            owner[address] = owner[address] or row
    return owner


def claim(wanted: list[tuple[int, int, str]]) -> Claims:
    claims = Claims()
    for start, end, row in wanted:
        claims.add(start, end, row)
    return claims


@given(st.lists(pieces), st.integers(0, END), st.integers(0, END))
def test_the_first_claim_wins(wanted: list[tuple[int, int, str]], one: int, other: int) -> None:
    """Claims and gaps between any two addresses are what a table of every address says."""
    start, end = min(one, other), max(one, other)
    claims, owner = claim(wanted), owners(wanted)
    found: list[str | None] = [None] * END
    for piece_start, piece_end, row in claims.inside(start, end):
        assert start <= piece_start < piece_end <= end
        found[piece_start:piece_end] = [row] * (piece_end - piece_start)
    assert found[start:end] == owner[start:end]
    gaps = {address for gap_start, gap_end in claims.gaps(start, end) for address in range(gap_start, gap_end)}
    assert gaps == {address for address in range(start, end) if owner[address] is None}
    assert claims.has_all(start, end) == (None not in owner[start:end])


@given(st.lists(pieces), st.integers(0, END - 1))
def test_an_address_has_an_owner_or_not(wanted: list[tuple[int, int, str]], address: int) -> None:
    """An address is claimed if any claim was made that holds it."""
    assert claim(wanted).has(address) == (owners(wanted)[address] is not None)


@given(st.lists(pieces), st.sets(st.integers(0, END - 1)))
def test_shares_add_up_to_what_is_resident(wanted: list[tuple[int, int, str]], resident: set[int]) -> None:
    """Each row gets the resident addresses that it owns, and the rows together all of them."""
    mapping = SystemMapping(0, END, rss_bytes=len(resident))
    shares = dict.fromkeys("abc-", 0)
    for row, size in share_out(mapping, claim(wanted), "-", lambda start, end: len(resident & set(range(start, end)))):
        shares[row] += size
    owner = owners(wanted)
    assert shares == {row: sum((owner[address] or "-") == row for address in resident) for row in "abc-"}


@given(st.lists(pieces), st.integers(0, END))
def test_shares_add_up_although_memory_changes_meanwhile(wanted: list[tuple[int, int, str]], rss: int) -> None:
    """What the kernel said before is shared out, even if all of it has become resident since."""
    shares = share_out(SystemMapping(0, END, rss_bytes=rss), claim(wanted), "-", lambda start, end: end - start)
    assert sum(size for _row, size in shares) == rss
    assert all(size >= 0 for _row, size in shares)


def test_neighbours_of_one_row_become_one_piece() -> None:
    """Ten thousand chunks in a row are one piece, so that sharing out stays quick."""
    claims = claim([(at, at + 1, "a") for at in range(10_000)])
    assert list(claims.inside(0, 20_000)) == [(0, 10_000, "a")]
