"""Every route of the application, as it serves them."""

from cloud_service.app import API, API_ROUTERS


def routes_of(app):
    """Yield (method, path) of every route; the method of a websocket is WEBSOCKET.

    Routers that were included stand among the routes as one thing each. A kind of route that is not known here fails:
    it could hide others.
    """
    yield from _routes(app.routes, "")


def _routes(routes, prefix):
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _routes(included.routes, API if included in API_ROUTERS else "")
            continue
        kind = type(route).__name__
        assert kind in ("Route", "APIRoute", "APIWebSocketRoute"), kind
        for method in sorted(getattr(route, "methods", None) or {"WEBSOCKET"}):
            yield method, prefix + route.path
