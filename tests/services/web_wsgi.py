"""The site as gunicorn serves it. Its table is what a service loads at its start; forks share it."""

from __future__ import annotations

from flask import Flask, Response
from work import answer, this_worker

app = Flask(__name__)
table = {number: [str(number), float(number)] for number in range(100_000)}


@app.get("/<int:number>")
def give(number: int) -> Response:
    assert table[number][0] == str(number)
    return Response(answer(number), mimetype="text/plain", headers={"worker": this_worker()})
