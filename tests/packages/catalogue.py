"""The packages: where their test suites come from, and how each is run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """A package whose suite is run.

    Attributes:
        name: as pip knows it.
        tests: where test files are, from the suite's folder.
        takes: what of the source archive is the suite; nothing where the suite is installed with the package.
        installed_as: a link to the installed packages, where the suite expects to find them.
        arguments: pytest's, beside the file.
    """

    name: str
    tests: tuple[str, ...]
    takes: tuple[str, ...] = ()
    installed_as: str | None = None
    arguments: tuple[str, ...] = ()


# pytest takes these for tests; lxml's own runner knows that they are bases of tests.
LXML_BASES = """
    _ETreeTestCaseBase _ElementSlicingTest _XMLPullParserTest _C14NTest _XIncludeTestCase _XmlFileTestCaseBase
    _IOTestCaseBase
""".split()

PACKAGES = (
    Package(
        "lxml",
        ("src/lxml/tests/test_*.py",),
        takes=("src/lxml/tests", "doc"),
        arguments=("-k", " and ".join(f"not {base}" for base in LXML_BASES)),
    ),
    Package("numpy", ("numpy/**/tests/test_*.py",)),
    Package("pillow", ("Tests/test_*.py",), takes=("Tests",)),
    Package("pydantic", ("tests/test_*.py",), takes=("tests", "pyproject.toml")),
    Package(
        "sqlalchemy",
        ("test/[!ap]*/**/test_*.py",),  # not what profiles and measures: it asks for an idle machine
        takes=("test", "pyproject.toml", "setup.cfg"),
        installed_as="lib",
        arguments=("-m", "not memory_intensive and not mypy and not timing_intensive and not gc_intensive"),
    ),
)
