"""The site that the web server serves: a page from a template, a query, JSON, an upload, and a request that takes much.

Every answer depends on the request alone, whichever worker gives it.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import threading

from flask import Flask, Response, jsonify, render_template_string, request

PAGE = """<!doctype html><title>{{ title }}</title>
<table>{% for row in rows %}<tr><td>{{ loop.index }}<td>{{ row.name | title }}<td>{{ "%.3f" | format(row.price) }}
{% if row.tags %}<td>{{ row.tags | join(", ") }}{% endif %}{% endfor %}</table>"""

app = Flask(__name__)
local = threading.local()


def database() -> sqlite3.Connection:
    """One for each thread of each worker, made when it is first asked for."""
    if not hasattr(local, "database"):
        rng = random.Random(5)
        local.database = sqlite3.connect(":memory:")
        local.database.execute("create table items (number integer primary key, name text, price real)")
        rows = [(number, f"item {rng.randint(0, 99)}", rng.random()) for number in range(2_000)]
        local.database.executemany("insert into items values (?, ?, ?)", rows)
    return local.database


@app.get("/page/<int:seed>")
def page(seed: int) -> str:
    rng = random.Random(seed)
    rows = [{"name": f"<{seed} {row}>", "price": rng.random(), "tags": ["a"] * rng.randint(0, 4)} for row in range(200)]
    return render_template_string(PAGE, title=f"page {seed}", rows=rows)


@app.get("/query/<int:seed>")
def query(seed: int) -> Response:
    found = database().execute("select * from items where name = ? order by price", (f"item {seed % 120}",)).fetchall()
    return jsonify(found)


@app.post("/json")
def turn() -> Response:
    """The document, inside out."""
    return jsonify({str(value): key for key, value in sorted(request.get_json().items())})


@app.post("/upload")
def upload() -> str:
    data = request.get_data()
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"


@app.get("/peak/<int:seed>")
def peak(seed: int) -> str:
    """What one request in many does: 20 MB of objects for a moment."""
    table = {f"{seed}-{number}": [number, str(number)] for number in range(80_000)}
    return hashlib.sha256("".join(table).encode()).hexdigest()


@app.get("/stream/<int:seed>")
def stream(seed: int) -> Response:
    return Response((f"line {seed} {number}\n" * 20 for number in range(100)), mimetype="text/plain")


@app.get("/failure/<int:seed>")
def failure(seed: int) -> tuple[str, int]:
    return f"no {seed}", 418
