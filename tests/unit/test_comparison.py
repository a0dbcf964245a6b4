"""The comparison with suites of others sees what passes plainly and not on quire, and nothing else."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from comparison.campaign import Campaign, Pair
from comparison.command import Order, run_campaign
from comparison.execution import PLAIN, QUIRE, STRESS, NotServed, Result, TestFile, environment, run_file
from comparison.junit import FAILED, PASSED, SKIPPED, read_cases
from comparison.table import show_table
from comparison.verdict import WHOLE_FILE, Allowed, differences, read_allowed

pytest.importorskip("quire._core", reason="the native core is not installed")

ON_QUIRE = "import os, sys, pathlib, pytest\nON_QUIRE = 'quire' in sys.modules\n"


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suites need none, and they take long to load."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def write_suite(folder: Path, code: str) -> TestFile:
    """A test file of pytest's that knows whether it is on quire."""
    (folder / "test_suite.py").write_text(ON_QUIRE + textwrap.dedent(code))
    own = ("-q", "-p", "no:cacheprovider", "--rootdir", str(folder))
    return TestFile("suite", "pytest", (*own, "test_suite.py"), folder, timeout_s=60, nothing_ran=5)


def compare(folder: Path, code: str, allowed: tuple[Allowed, ...] = ()) -> Pair:
    campaign = Campaign(list(allowed), folder / "work", quick=False, jobs=1)
    (pair,) = campaign.compare_all([write_suite(folder, code)])
    return pair


def result(code: int | None, **cases: str) -> Result:
    return Result(code, cases, 0.0, "")


def test_the_switch_for_stress_reaches_stressed_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is handed to them beside quire's own, and taken from every other run, whatever this process was given."""
    monkeypatch.setenv("QUIRE_STRESS", "1")
    handed = {mode: {name for name in environment(mode) if name.startswith("QUIRE")} for mode in (PLAIN, QUIRE, STRESS)}
    assert handed == {PLAIN: set(), QUIRE: {"QUIRE"}, STRESS: {"QUIRE", "QUIRE_STRESS"}}


# --- what differs ------------------------------------------------------------------------------------------------


def test_a_case_that_fails_on_quire_alone_differs(tmp_path: Path) -> None:
    """Failing, skipping and going missing on quire are told; failing both ways is not."""
    pair = compare(
        tmp_path,
        """
        def test_fails(): assert not ON_QUIRE
        def test_is_skipped(): ON_QUIRE and pytest.skip("")
        if not ON_QUIRE:
            def test_is_missing(): pass
        def test_fails_both_ways(): assert False
        def test_passes(): pass
        """,
    )
    assert pair.differing == ("test_suite.test_fails", "test_suite.test_is_skipped", "test_suite.test_is_missing")
    table = show_table("suite", [pair])
    assert [line.split()[-1] for line in table.splitlines()[1:]] == ["1", "1", "3", "5"]


def test_a_crash_differs_as_a_whole(tmp_path: Path) -> None:
    """Once is enough: a second run without a crash does not take it back."""
    pair = compare(
        tmp_path,
        """
        def test_crashes_once():
            if ON_QUIRE and not os.path.exists("crashed"):
                pathlib.Path("crashed").touch()
                os.abort()
        """,
    )
    assert pair.differing == (WHOLE_FILE,)
    assert pair.quire.ending == "SIGABRT"


def test_what_passes_alone_is_unsteady(tmp_path: Path) -> None:
    """A failure that is not there the second time is told, and is no difference."""
    pair = compare(
        tmp_path,
        """
        def test_fails_once():
            if ON_QUIRE and not os.path.exists("failed"):
                pathlib.Path("failed").touch()
                assert False
        """,
    )
    assert (pair.differing, pair.unsteady) == ((), ("test_suite.test_fails_once",))


def test_what_is_allowed_is_no_difference(tmp_path: Path) -> None:
    """The list takes out the case that it names, and no other."""
    allowed = Allowed("suite", "*.test_allowed", "because")
    code = "def test_allowed(): assert not ON_QUIRE\ndef test_other(): assert not ON_QUIRE"
    pair = compare(tmp_path, code, (allowed,))
    assert pair.allowed == {"test_suite.test_allowed": "because"}
    assert pair.differing == ("test_suite.test_other",)


def test_what_is_allowed_in_one_mode_is_not_in_another(tmp_path: Path) -> None:
    """What meshing all the time cannot but do may not happen on quire as it is served to people."""
    (tmp_path / "allowed.toml").write_text(
        "[[allowed]]\nfile = 'a'\ncase = '*'\nreason = 'because'\n"
        "[[allowed]]\nfile = 'b'\ncase = '*'\nreason = 'under stress'\nmode = 'stress'\n"
    )
    found = {mode: [one.file for one in read_allowed(tmp_path / "allowed.toml", mode)] for mode in (QUIRE, STRESS)}
    assert found == {QUIRE: ["a"], STRESS: ["a", "b"]}


def test_a_file_that_fails_without_a_case_differs_as_a_whole() -> None:
    """A class's setup is no case, but its failing ends the file badly."""
    assert differences(result(0, a=PASSED), result(1, a=PASSED)) == [WHOLE_FILE]
    assert differences(result(0, a=PASSED), result(1)) == [WHOLE_FILE]
    assert differences(result(0, a=PASSED), result(None)) == [WHOLE_FILE]
    assert differences(result(1, a=FAILED), result(1, a=FAILED)) == []
    assert differences(result(0, a=SKIPPED), result(0)) == []


def test_a_file_without_a_test_is_skipped(tmp_path: Path) -> None:
    """It is no failure that a file has nothing to run."""
    pair = compare(tmp_path, "")
    assert pair.differing == ()
    assert "skipped both ways" in show_table("suite", [pair])


def test_a_file_without_a_test_on_quire_alone_differs(tmp_path: Path) -> None:
    """What passes plainly has to run on quire."""
    pair = compare(tmp_path, "if not ON_QUIRE:\n    def test_passes(): pass")
    assert pair.differing == ("test_suite.test_passes",)


# --- is it quire that ran? ---------------------------------------------------------------------------------------


def test_a_process_that_quire_does_not_serve_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that ran beside quire would prove nothing."""
    file = write_suite(tmp_path, "def test_passes(): pass")
    assert run_file(file, PLAIN).cases == {"test_suite.test_passes": PASSED}
    assert run_file(file, QUIRE).cases == {"test_suite.test_passes": PASSED}
    monkeypatch.setattr("comparison.execution.environment", lambda mode: {})
    with pytest.raises(NotServed):
        run_file(file, QUIRE)


def test_a_session_under_stress_in_which_nothing_was_meshed_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Had the switch no effect, or ended each suite before the first pass, then nothing would have been shown."""
    (tmp_path / "allowed.toml").touch()
    code = """
        import time, quire
        def test_passes():
            kept = [[str(number)] for number in range(300_000)][::50]
            end = time.monotonic() + (60 if "QUIRE_STRESS" in os.environ else 0)
            while not quire.stats().sealed_pools and time.monotonic() < end: time.sleep(0.01)
        """

    def run(mode: str) -> tuple[bool, str]:
        order = Order([], tmp_path / "work", quick=True, jobs=1, mode=mode)
        same = run_campaign("suite", [write_suite(tmp_path, code)], tmp_path / "allowed.toml", order)
        return same, capsys.readouterr().out.splitlines()[-1]

    assert run(STRESS) == (True, "pools were meshed at the end of 1 of 1 files")
    monkeypatch.setattr("comparison.execution.environment", lambda mode: {"QUIRE": "1", "QUIRE_GIVE_BACK": "off"})
    assert run(STRESS) == (False, "pools were meshed at the end of 0 of 1 files")
    assert run(QUIRE)[0]


# --- reading -----------------------------------------------------------------------------------------------------


def test_of_several_cases_with_one_name_the_worst_counts(tmp_path: Path) -> None:
    """Addresses in names are dropped, bytes that XML does not know are passed over, cases without a name too."""
    cases = '<testcase name="a 0x7f0012345678"/><testcase name="a 0x7f0087654321"><failure>\x1b</failure></testcase>'
    (tmp_path / "cases.xml").write_text(f"<suites><suite>{cases}<testcase/></suite></suites>")
    assert read_cases(tmp_path / "cases.xml") == {"a 0x": FAILED}
