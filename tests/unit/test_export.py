"""A snapshot in formats of other tools: what each says is what the snapshot says."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heaps import SEALED, USED, Heap, some_memory
from quire.cli.main import main
from quire.export.dot import paths_dot
from quire.export.heapsnapshot import _HOLD_TYPES
from quire.export.reference_names import _FIXED
from quire.report.answers import ObjectRow, PathRow, Paths
from quire.report.edges import Hold

ARENA = 64 << 21
LARGE_ENTRY = {"address": 1 << 34, "size_bytes": 1 << 20, "resident_bytes": 4096, "state": "mapping"}
SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"


def small_heap() -> Heap:
    """A cache of records, garbage, pools, a block of nobody's."""
    heap = Heap()
    records = [heap.instance("logging.LogRecord", message=heap.text("hello")) for _ in range(3)]
    records.append(heap.instance("logging.LogRecord", size_bytes=5 << 32, message=heap.list(None)))
    cache = heap.dict({"first": records[0], heap.object("int"): records[1]})  # type: ignore[dict-item]
    heap.module("app", cache=cache, recent=heap.list(records[2], None, records[3]), also=heap.object("set", records[0]))
    heap.root(heap.object("bytes"), "c")
    garbage = heap.list()
    garbage.references += [garbage, heap.text("garbage"), records[0]]
    garbage.tables.append((ARENA + 64, 512))
    heap.foreign.append((ARENA + 1024, 96))
    heap.pool(ARENA, live=2, resident_bytes=4096)
    heap.pool(ARENA + 16384, live=9, resident_bytes=0, flags=USED | SEALED)
    heap.large(LARGE_ENTRY["address"], LARGE_ENTRY["size_bytes"], "mapping", LARGE_ENTRY["resident_bytes"])
    heap.memory = some_memory()
    return heap


@pytest.fixture
def heap() -> Heap:
    return small_heap()


@pytest.fixture
def path(heap: Heap, tmp_path: Path) -> str:
    return str(heap.write(tmp_path / "heap.quire"))


def export(path: str, to: str, output: Path) -> None:
    assert main(["export", path, "--to", to, "-o", str(output)]) == 0


# --- V8's -----------------------------------------------------------------------------------------------------


class Profile:
    """A ``.heapsnapshot``, read as its format says."""

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text())
        head = document["snapshot"]
        meta = head["meta"]
        strings = document["strings"]
        self.nodes = []
        for values in rows(document["nodes"], len(meta["node_fields"])):
            node = dict(zip(meta["node_fields"], values, strict=True))
            node |= {"type": meta["node_types"][0][node["type"]], "name": strings[node["name"]], "edges": []}
            self.nodes.append(node)
        edges = iter(rows(document["edges"], len(meta["edge_fields"])))
        for node in self.nodes:
            for _ in range(node["edge_count"]):
                kind, name, to = next(edges)
                its_type = meta["edge_types"][0][kind]
                assert to % len(meta["node_fields"]) == 0
                label = name if its_type in ("element", "hidden") else strings[name]
                node["edges"].append((its_type, label, to // len(meta["node_fields"])))
        assert next(edges, None) is None
        assert (head["node_count"], head["edge_count"]) == (
            len(self.nodes), sum(len(node["edges"]) for node in self.nodes)
        )  # fmt: skip
        assert len({node["id"] for node in self.nodes}) == len(self.nodes)
        assert len(set(strings)) == len(strings)

    def named(self, name: str) -> list[dict[str, Any]]:
        return [node for node in self.nodes if node["name"] == name]

    def after(self, node: dict[str, Any], label: object) -> dict[str, Any]:
        """Where the edge with this label leads."""
        (to,) = (to for _, name, to in node["edges"] if name == label)
        return self.nodes[to]


def rows(numbers: list[int], width: int) -> list[list[int]]:
    assert len(numbers) % width == 0
    return [numbers[at : at + width] for at in range(0, len(numbers), width)]


def test_chromes_format_has_all_objects(heap: Heap, path: str, tmp_path: Path) -> None:
    """Each with its type, its size and its references by name; those are in 32 bits, which readers keep."""
    export(path, "heapsnapshot", tmp_path / "out.heapsnapshot")
    profile = Profile(tmp_path / "out.heapsnapshot")
    objects = [node for node in profile.nodes if node["type"] == "object"]
    assert len(objects) == len(heap.things)
    assert [node["name"] for node in objects] == [thing.type for thing in sorted(heap.things, key=lambda t: t.address)]
    assert max(node["self_size"] for node in profile.nodes) == 2**32 - 1
    references = sum(each is not None for thing in heap.things for each in thing.references)
    assert sum(len(node["edges"]) for node in objects) == references


def test_chromes_format_names_references(path: str, tmp_path: Path) -> None:
    """A way from the root to an object reads as Python would write it."""
    export(path, "heapsnapshot", tmp_path / "out.heapsnapshot")
    profile = Profile(tmp_path / "out.heapsnapshot")
    module = profile.after(profile.nodes[0], "app")
    assert module["name"] == "module"
    names = profile.after(module, "__dict__")
    record = profile.after(profile.after(names, "cache"), "['first']")
    assert record["name"] == "logging.LogRecord"
    assert profile.after(record, "message")["name"] == "str"
    assert profile.after(record, "__class__")["name"] == "type"
    assert profile.after(profile.after(names, "recent"), 2)["self_size"] == 2**32 - 1
    assert profile.after(profile.after(names, "also"), "<element>") is record


def test_every_way_to_hold_has_a_type_and_a_name() -> None:
    """In Chrome's format, and a text in a table of references."""
    assert set(_HOLD_TYPES) == set(Hold)
    named = {Hold.ATTRIBUTE, Hold.VALUE, Hold.FIELD}  # by the object
    assert set(_FIXED) == set(Hold) - named


def test_chromes_format_reaches_everything(path: str, tmp_path: Path) -> None:
    """From the root: garbage hangs on a node that says so, and so do blocks that belong to no object."""
    export(path, "heapsnapshot", tmp_path / "out.heapsnapshot")
    profile = Profile(tmp_path / "out.heapsnapshot")
    seen, todo = {0}, [0]
    while todo:
        for _, _, to in profile.nodes[todo.pop()]["edges"]:
            if to not in seen:
                seen.add(to)
                todo.append(to)
    assert len(seen) == len(profile.nodes)
    (garbage,) = profile.named("(reached from no root)")
    assert {profile.nodes[to]["name"] for _, _, to in garbage["edges"]} >= {"list"}
    (blocks,) = profile.named("(blocks of no object)")
    assert [profile.nodes[to]["self_size"] for _, _, to in blocks["edges"]] == [96]
    roots = profile.after(profile.nodes[0], 1)
    assert roots["name"] == "(GC roots)"


def test_garbage_retains_nothing_that_lives(path: str, tmp_path: Path) -> None:
    """In Chrome's format its edge to what a root reaches is weak; to its own it is not."""
    export(path, "heapsnapshot", tmp_path / "out.heapsnapshot")
    profile = Profile(tmp_path / "out.heapsnapshot")
    (garbage,) = (node for node in profile.nodes if any(profile.nodes[to] is node for _, _, to in node["edges"]))
    assert [(its_type, label, profile.nodes[to]["name"]) for its_type, label, to in garbage["edges"]] == [
        ("element", 0, "list"),
        ("element", 1, "str"),
        ("weak", "<item>", "logging.LogRecord"),
    ]


def test_pieces_join(monkeypatch: pytest.MonkeyPatch, path: str, tmp_path: Path) -> None:
    """However many rows are written at once, the text is the same but for line ends."""
    export(path, "heapsnapshot", tmp_path / "whole")
    monkeypatch.setattr("quire.export.heapsnapshot._ROWS_AT_ONCE", 3)
    monkeypatch.setattr("quire.export.heapsnapshot._EDGES_AT_ONCE", 2)
    export(path, "heapsnapshot", tmp_path / "pieces")
    whole, pieces = Profile(tmp_path / "whole"), Profile(tmp_path / "pieces")
    assert whole.nodes == pieces.nodes


# --- JSON -----------------------------------------------------------------------------------------------------


def validator(name: str) -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_json_is_what_its_schema_says(heap: Heap, path: str, tmp_path: Path) -> None:
    """And the snapshot's: objects, references by places, blocks with their owners, pools, texts."""
    export(path, "json", tmp_path / "out.json")
    document = json.loads((tmp_path / "out.json").read_text())
    validator("heap").validate(document)
    assert len(document["objects"]) == len(heap.things)
    by_text = {entry["text"]: entry["object"] for entry in document["texts"]}
    assert document["objects"][by_text["hello"]]["size_bytes"] == 54
    (root,) = [root for root in document["roots"] if root["kind"] == "module"]
    names = document["objects"][root["object"]]["references"][0]
    assert by_text["cache"] in document["objects"][names]["references"]
    assert [block["owner"] is None for block in document["blocks"]] == [False, True]
    assert [pool["shares_pages"] for pool in document["pools"]] == [False, True]
    assert document["large"] == [LARGE_ENTRY]
    assert document["memory"]["rss_bytes"] == 36 << 20


def test_json_without_references(heap: Heap, tmp_path: Path) -> None:
    """Objects then tell none, rather than that there are none."""
    path = str(heap.write(tmp_path / "heap.quire", has_edges=False))
    export(path, "json", tmp_path / "out.json")
    document = json.loads((tmp_path / "out.json").read_text())
    validator("heap").validate(document)
    assert not document["has_references"]
    assert not any("references" in entry for entry in document["objects"])


@pytest.mark.parametrize(
    "command", ["waterfall", "types", "pins", "path", "referrers", "referents", "retained", "cycles"]
)
def test_answers_are_what_their_schemas_say(command: str, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--json``; a document that lacks a field, or has another, is not."""
    if command in ("types", "retained"):
        pytest.importorskip("quire._core")
    words = [command, path, *(["LogRecord"] if command in ("path", "referrers", "referents") else [])]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    validator(command).validate(document)
    assert not validator(command).is_valid({**document, "more": 1})
    assert not validator(command).is_valid({name: value for name, value in document.items() if name != "rows"})
    assert not validator(command).is_valid({**document, "version": 2})


def test_a_difference_is_what_its_schema_says(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer that takes two files."""
    other = small_heap()
    other.instance("logging.LogRecord", message=other.text("new"))
    assert main(["diff", path, str(other.write(tmp_path / "other.quire")), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rows"]
    validator("diff").validate(document)


def test_schemas_are_those_of_the_records() -> None:
    """docs/schema/write.py has written them since a record changed."""
    from quire.export.json_schema import FORMATS, schema_of

    assert {file.stem for file in SCHEMAS.glob("*.json")} == set(FORMATS)
    for name, its_format in FORMATS.items():
        assert json.loads((SCHEMAS / f"{name}.json").read_text()) == schema_of(its_format), (
            "python docs/schema/write.py"
        )


# --- Parquet --------------------------------------------------------------------------------------------------


def test_duckdb_reads_tables_in_place(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sums by type are those of ``quire types``; references join objects; the owner of a block is a row."""
    pytest.importorskip("pyarrow")
    pytest.importorskip("quire._core")
    duckdb = pytest.importorskip("duckdb")
    folder = tmp_path / "tables"
    export(path, "parquet", folder)
    capsys.readouterr()
    main(["types", path, "--json"])
    answer = json.loads(capsys.readouterr().out)
    told = {(row["module"], row["type"]): (row["count"], row["size_bytes"]) for row in answer["rows"]}

    def query(text: str) -> list[Any]:
        found: list[Any] = duckdb.sql(text.format(folder)).fetchall()
        return found

    sums = query("SELECT module, type, count(*), sum(size_bytes) FROM '{}/objects.parquet' GROUP BY ALL")
    assert {(module, name): (count, size) for module, name, count, size in sums} == told
    joined = query(
        "SELECT r.name, o.type FROM '{0}/references.parquet' r JOIN '{0}/objects.parquet' o ON o.row = r.to_row "
        "JOIN '{0}/objects.parquet' f ON f.row = r.from_row WHERE f.type = 'LogRecord' AND r.holds_by = 'field'"
    )
    assert sorted(joined) == [("message", "list"), *[("message", "str")] * 3]
    assert query("SELECT size_bytes FROM '{}/blocks.parquet' WHERE owner IS NULL") == [(96,)]
    assert query("SELECT index FROM '{}/references.parquet' WHERE holds_by = 'index' ORDER BY 1") == [
        (0,),
        (0,),
        (1,),
        (2,),
        (2,),
    ]
    assert query("SELECT sum(size_bytes) FROM '{}/memory.parquet'") == [(36 << 20,)]
    assert query("SELECT count(*) FROM '{}/objects.parquet' WHERE depth IS NULL") == [
        (answer["objects"] - reached(path),)
    ]
    assert query("SELECT kind, words FROM '{}/roots.parquet' ORDER BY 1") == [("c", "C"), ("module", "app")]
    assert query("SELECT python, rss_bytes FROM '{}/snapshot.parquet'") == [("3.13.0", 36 << 20)]
    assert query("SELECT state, shares_pages FROM '{}/pools.parquet'") == [("used", False), ("used", True)]
    assert query("SELECT * FROM '{}/large.parquet'") == [tuple(LARGE_ENTRY.values())]


def reached(path: str) -> int:
    from quire.export.snapshot_file import open_snapshot
    from quire.report.reach import reach

    return int(reach(open_snapshot(path)).is_reached.sum())


def test_tables_without_references(heap: Heap, tmp_path: Path) -> None:
    """Have no such table, and say of nothing how deep it lies."""
    pytest.importorskip("pyarrow")
    duckdb = pytest.importorskip("duckdb")
    export(str(heap.write(tmp_path / "heap.quire", has_edges=False)), "parquet", tmp_path / "tables")
    assert "references.parquet" not in os.listdir(tmp_path / "tables")
    found = duckdb.sql(
        f"SELECT count(depth), count(retained_bytes) FROM '{tmp_path}/tables/objects.parquet'"
    ).fetchall()
    assert found == [(0, 0)]


@pytest.mark.parametrize("to", ["json", "heapsnapshot", "parquet"])
def test_a_name_may_be_no_text(to: str, tmp_path: Path) -> None:
    """A program may call a type, or a module, by half of a pair of surrogates."""
    if to == "parquet":
        pytest.importorskip("pyarrow")
    heap = small_heap()
    heap.module("m\udc80", one=heap.object("app.T\udc80"))
    export(str(heap.write(tmp_path / "heap.quire")), to, tmp_path / "out")
    if to != "parquet":
        assert "T\\udc80" in (tmp_path / "out").read_text()


# --- what is wrong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "quire export takes one FILE|PID"),
        (["FILE"], "there is no format; give --to heapsnapshot"),
        (["FILE", "--to", "svg"], "--to svg is no format"),
        (["FILE", "--too", "json"], "did you mean --to?"),
        (["FILE", "--to=json", "-o", ""], "--output writes a file"),
        (["FILE", "--to=json", "-o", "/nowhere/out.json"], "cannot write /nowhere/out.json: No such file or directory"),
        (["FILE", "--to=json", "-o", "/tmp"], "it is no file"),
        (["FILE", "--to=json", "-o", "/dev/null"], "it is no file"),
        (["FILE", "--to=json", "-o", "FILE"], "is the snapshot itself"),
        (["FILE", "--to=parquet", "-o", "FILE"], "it is there already"),
        (["/nowhere", "--to=json", "-o", "OUT"], "cannot read /nowhere"),
        (["999999999", "--to=json", "-o", "OUT"], "there is no process 999999999"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    words: list[str], sentence: str, path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing on standard output, nothing written."""
    places = {"FILE": path, "OUT": str(tmp_path / "out")}
    assert main(["export", *(places.get(word, word) for word in words)]) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert (out, err.count("\n")) == ("", 1)
    assert os.listdir(tmp_path) == ["heap.quire"]


def test_chromes_format_takes_references(heap: Heap, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line says so, and nothing half-written is left."""
    path = str(heap.write(tmp_path / "heap.quire", has_edges=False))
    assert main(["export", path, "--to=heapsnapshot", "-o", str(tmp_path / "out")]) == 2
    assert "without references" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["heap.quire"]


@pytest.mark.parametrize("to", ["json", "heapsnapshot", "parquet"])
def test_nothing_half_written_is_left(to: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is full amid it."""
    import quire.cli.export as module

    def fail_late(*_: object) -> Iterator[str]:
        yield "x" * 100_000
        raise OSError(28, "No space left on device")

    if to == "parquet":
        pytest.importorskip("pyarrow")
        monkeypatch.setattr("quire.export.parquet._about", lambda _: list(fail_late()))
    else:
        monkeypatch.setattr(module, {"json": "heap_json", "heapsnapshot": "heapsnapshot"}[to], fail_late)
    with pytest.raises(OSError, match="No space left"):
        module.run([path, f"--to={to}", "-o", str(tmp_path / "out")])
    assert os.listdir(tmp_path) == ["heap.quire"]


def test_without_pyarrow_one_line_says_what_to_install(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is computed."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["export", path, "--to=parquet", "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "quire: Parquet needs pyarrow; pip install 'quire[data]'\n"


def test_a_name_is_made_of_the_snapshots(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where none is given."""
    monkeypatch.chdir(tmp_path)
    assert main(["export", path, "--to", "json"]) == 0
    assert capsys.readouterr().out.startswith("heap.json: ")
    assert (tmp_path / "heap.json").exists()


# --- GraphViz -------------------------------------------------------------------------------------------------


def test_paths_are_a_graph(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An object that two of them pass stands there once; roots are named, edges say by what they hold."""
    assert main(["path", path, "LogRecord#1", "--dot"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("digraph paths {\n")
    assert out.endswith("}\n")
    lines = out.splitlines()
    assert len(set(lines)) == len(lines)
    assert sum("logging.LogRecord\\n" in line for line in lines) == 1
    assert any('[label="app", shape=oval];' in line for line in lines)
    assert any("""[label="['first']"];""" in line for line in lines)
    assert any('[label="<element>"];' in line for line in lines)
    nodes = {line.split(" [")[0].strip() for line in lines if " [label=" in line and "->" not in line}
    ends = {end.strip(" ;") for line in lines if "->" in line for end in line.split(" [label")[0].split("->")}
    assert ends == nodes


def test_what_names_contain_does_not_break_the_graph() -> None:
    """Quotes, backslashes, line ends."""
    row = PathRow("module", 'a"b\\', 1, "", (16, 32), ("x", 'm."T"'), ('["\n"]',))
    text = paths_dot(Paths(ObjectRow(32, 'm."T"', 64), (row,)))
    assert '[label="a\\"b\\\\", shape=oval];' in text
    assert '[label="[\\"\\n\\"]"];' in text
    assert text.count("\n") == len(text.splitlines())


def test_only_paths_are_graphs(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Another command has no such option."""
    assert main(["types", path, "--dot"]) == 2
    assert "quire types has no option --dot" in capsys.readouterr().err
