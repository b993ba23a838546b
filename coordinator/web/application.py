"""The WSGI application: every interface of the coordinator in one Bottle app."""

from bottle import Bottle, HTTPError, HTTPResponse, request

from coordinator.web.agent_api.routes import agent_routes
from coordinator.web.health import health_routes
from coordinator.web.openapi import with_openapi
from coordinator.web.problems import problem_reply
from coordinator.web.routing import Route, install, to_bottle
from coordinator.web.seed_api.errors import seed_error_reply
from coordinator.web.seed_api.routes import OLDER, seed_routes
from coordinator.web.services import Services
from coordinator.web.user_api.routes import user_routes


def all_routes() -> list[Route]:
    """Tell the whole route table; the OpenAPI document is made from it."""
    return with_openapi([*user_routes(), *agent_routes(), *seed_routes(), *health_routes()])


def build_app(services: Services) -> Bottle:
    app = Bottle()
    app.config["json.enable"] = False  # the handlers write their own
    app.default_error_handler = _bottle_error  # unknown paths and methods
    table = all_routes()
    install(app, [route for route in table if route.audience != OLDER], services)
    install(app, [route for route in table if route.audience == OLDER], services, seed_error_reply)
    return app


def _bottle_error(error: HTTPError) -> HTTPResponse:
    older = request.path.startswith("/api/") and not request.path.startswith("/api/v1/")
    reply = to_bottle(seed_error_reply(error) if older else problem_reply(error))
    if "Allow" in error.headers:
        reply.headers["Allow"] = error.headers["Allow"]
    return reply
