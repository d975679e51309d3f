"""Errors as RFC 9457 problem details: what happened, in a sentence, with the status that fits."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from hub.errors import BadRequest, HubError, NotFound, RetryLater
from hub.guard import ForeignForm, SignInNeeded
from hub.pages import problems as pages
from hub.people.inviting import Forbidden

_STATUS: dict[type[HubError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    BadRequest: HTTPStatus.BAD_REQUEST,
    RetryLater: HTTPStatus.SERVICE_UNAVAILABLE,
    SignInNeeded: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    ForeignForm: HTTPStatus.FORBIDDEN,
}


_HEADERS = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "30"},
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
}


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field("about:blank", examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no site 'ecole-x' here"])
    instance: str = Field(examples=["/api/v1/sites/ecole-x"])


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems that a route may answer with, for OpenAPI; "who are you" and "not you" always."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"content": content, "description": HTTPStatus(status).phrase} for status in (401, 403, *statuses)}


def problem(request: Request, status: int, detail: str) -> JSONResponse:
    """Write a problem."""
    body = Problem(
        type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail, instance=request.url.path
    )
    return JSONResponse(
        body.model_dump(), status, headers=_HEADERS.get(HTTPStatus(status)), media_type="application/problem+json"
    )


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _page(request: Request, error: Exception) -> Response:
    match error:
        case RetryLater():
            return pages.later()
        case SignInNeeded():
            return pages.sign_in_first(request.url.path)
        case Forbidden():
            return pages.not_yours()
        case ForeignForm():
            return pages.foreign_form()
        case NotFound() if "site" in request.path_params:
            return pages.unknown_site(request.path_params["site"])
        case _:
            return pages.unknown_page()


def install(app: FastAPI) -> None:
    """Answer every error under /api in this form, and every other as a page."""

    async def on_hub_error(request: Request, error: Exception) -> Response:
        if not _is_api(request):
            return _page(request, error)
        status = next((s for kind, s in _STATUS.items() if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
        return problem(request, status, str(error))

    async def on_validation(request: Request, error: Exception) -> JSONResponse:
        faults = error.errors() if isinstance(error, RequestValidationError) else []
        detail = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in faults)
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail)

    async def on_http(request: Request, error: Exception) -> Response:
        if not _is_api(request):
            return pages.unknown_page()
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        detail = str(error.detail) if isinstance(error, HTTPException) else ""
        return problem(request, status, detail)

    async def on_bug(request: Request, _: Exception) -> Response:
        if not _is_api(request):
            return pages.later()
        return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "the hub made a mistake; it is in its log")

    app.add_exception_handler(Exception, on_bug)
    app.add_exception_handler(HubError, on_hub_error)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
