"""The site as uvicorn serves it: answers in the event loop, and every third in a thread beside it."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from work import answer, this_worker


async def give(request: Request) -> PlainTextResponse:
    number = request.path_params["number"]
    text = await run_in_threadpool(answer, number) if number % 3 == 0 else answer(number)
    return PlainTextResponse(text, headers={"worker": this_worker()})


app = Starlette(routes=[Route("/{number:int}", give)])
