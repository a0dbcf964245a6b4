"""What continuous integration runs: ``nox -s tests``, ``nox -s lint``, ``nox -s types``."""

import nox

PROJECT = nox.project.load_toml("pyproject.toml")

nox.options.sessions = ["tests", "lint", "types"]


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; what follows ``--`` goes to pytest.

    One build serves them all: quire._core as users get it, and beside it quire._core_fake, the same heap with
    assertions over a system that fails on demand.
    """
    install(session, "test")
    session.run("pytest", *session.posargs)


@nox.session
def programs(session: nox.Session) -> None:
    """Run programs of the kind people run, plainly and on quire. What follows ``--`` names some of them."""
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.install(".", "-r", "tests/programs/requirements.txt")
    session.run("python", "tests/programs/run.py", "--work", session.create_tmp(), *session.posargs)


@nox.session
def speed(session: nox.Session) -> None:
    """Measure instructions, processor time, memory and start-up, and write docs/performance.md: hours. Needs valgrind.

    Built with symbols, for callgrind. What follows ``--`` names workloads.
    """
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.env["CFLAGS"] = "-g"
    session.install("-r", "bench/requirements.txt", "--config-settings=install.strip=false", ".")
    for command in (["instructions", *session.posargs], ["runs", *session.posargs], ["start"], ["report"]):
        session.run("python", "bench/speed.py", *command)


@nox.session
def services(session: nox.Session) -> None:
    """Run gunicorn, uvicorn, Celery and pytest under load, plainly and on quire. What follows ``--`` names some."""
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.install(".", "-r", "tests/services/requirements.txt")
    session.run("python", "tests/services/run.py", *session.posargs)


@nox.session
def cpython(session: nox.Session) -> None:
    """Run CPython's own regression tests, plainly and on quire. What follows ``--`` names some of them."""
    compare(session)


@nox.session
def packages(session: nox.Session) -> None:
    """Run the test suites of five packages with C extensions, likewise."""
    session.install("-r", "tests/packages/requirements.txt")
    compare(session)


@nox.session
def lint(session: nox.Session) -> None:
    """Check form and spelling."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")


@nox.session
def types(session: nox.Session) -> None:
    """Check the package's types, and the stub of quire._core against the built module."""
    install(session, "types")
    session.run("mypy")
    session.run("python", "-m", "mypy.stubtest", "quire._core")


def compare(session: nox.Session) -> None:
    """Run the comparison that the session is named for; plain results are kept in nox's cache."""
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.install(".")
    work = session.cache_dir.resolve() / "comparison"
    with session.chdir("tests"):
        session.run("python", "-m", f"{session.name}.compare", "--work", str(work), *session.posargs)


def install(session: nox.Session, group: str) -> None:
    """Install the package with its test build, and a dependency group. A missing core is an error here."""
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.install(*nox.project.dependency_groups(PROJECT, group))
    session.install("--config-settings=cmake.define.QUIRE_TESTS=ON", ".")
