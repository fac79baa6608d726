"""Write `docs/api.md` out of what the clinic serves: `python -m tests.house.api_page`.

Roles come from the matrix that a test holds against every answer; all else from the description that the clinic gives
of itself (OpenAPI), without a script of anybody's.
"""

import html
import json
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from cloud_service.access.roles import Role
from cloud_service.access.tokens import SCOPES
from cloud_service.app import API, create_app
from cloud_service.settings import CloudSettings, MqttSettings
from tests.cloud.test_route_matrix import IN_PERSON, ROUTES, WEBSOCKET

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
OPENING = Path(__file__).with_name("api_opening.md")
Described = dict[str, Any]


@cache
def described() -> Described:
    """Give what the clinic says of its API."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(CloudSettings(state_dir=Path(folder), mqtt=MqttSettings(enabled=False)))
        api: Described = app.openapi()
        app.state.clinic.database.close()
    return api


def page() -> str:
    """Give the whole page."""
    api = described()
    parts = [OPENING.read_text(encoding="utf-8").strip(), "## Routes", *_routes(api), "## What is sent and answered"]
    return "\n\n".join([*parts, *_schemas(api["components"]["schemas"])]) + "\n"


def _routes(api: Described) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, methods in api["paths"].items():
        for method, route in methods.items():
            if (method.upper(), path) in ROUTES and path.startswith(API):
                by_tag.setdefault(route["tags"][0], []).append(_route(method.upper(), path, route))
    by_tag.setdefault("live", []).append(f"**WEBSOCKET** `{_short(WEBSOCKET[1])}`: {Role.VIEWER.value}\n\n{_live()}")
    for tag in sorted(by_tag):
        yield "\n\n".join([f"### About {tag}", *by_tag[tag]])


def _route(method: str, path: str, route: Described) -> str:
    parts = [f"**{method}** `{_short(path)}`: {_who(method, path)}", html.escape(_text(route), quote=False)]
    asks = [_parameter(one) for one in route.get("parameters", ()) if one["in"] == "query"]
    if asks:
        parts.append("Asked by: " + "; ".join(asks) + ".")
    sent = route.get("requestBody", {}).get("content", {})
    answered = next(iter(route["responses"].values())).get("content", {})
    parts.append(" ".join(part for part in (_body("Takes", sent), _body("Answers", answered)) if part))
    return "\n\n".join(part for part in parts if part)


def _who(method: str, path: str) -> str:
    role = ROUTES[method, path][0]
    if role is None:
        return "anybody"
    if (method, path) in IN_PERSON or role not in SCOPES:
        return f"{role.value}, logged in; no token"
    return role.value


def _short(path: str) -> str:
    return path.removeprefix(API)


def _text(route: Described) -> str:
    return " ".join(str(route.get("description", "")).split())


def _live() -> str:
    from cloud_service.clinic.live import live

    return " ".join((live.__doc__ or "").replace("``", "`").split())


def _parameter(one: Described) -> str:
    needed = "" if one["required"] else ", may be left out"
    return f"`{one['name']}` ({_kind(one['schema'])}{needed})"


def _body(verb: str, content: Described) -> str:
    kinds = [_kind(one.get("schema", {})) for kind, one in content.items() if kind == "application/json"]
    named = [kind for kind in kinds if kind != "anything"]
    return f"{verb} {named[0]}." if named else ""


def _kind(schema: Described) -> str:
    """Say what a value is, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{_title(name)}](#{_title(name).lower().replace(' ', '-')})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(f"`{one}`" for one in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        inner = schema.get("items") or {"type": ", ".join(_kind(one) for one in schema.get("prefixItems", ()))}
        return f"list of {_kind(inner)}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"{_kind(schema['additionalProperties'])} by name"
    kind = str(schema.get("type", "anything"))
    return schema.get("format", kind).replace("date-time", "time") if kind == "string" else kind


def _title(name: str) -> str:
    """The name of what is sent; two of one name have that of their module before it."""
    return " ".join(name.split("__")[-2:]).capitalize() if "__" in name else name


def _schemas(schemas: Described) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        if name in ("HTTPValidationError", "ValidationError"):
            continue
        fields = schema.get("properties", {})
        needed = set(schema.get("required", ()))
        lines = [
            f"- `{field}`: {_kind(one)}{'' if field in needed else ', may be left out'}"
            for field, one in fields.items()
        ]
        about = " ".join(str(schema.get("description", "")).replace("``", "`").split())
        said = [
            f"### {_title(name)}",
            html.escape(about, quote=False),
            "\n".join(lines) if lines else f"{_kind(schema)}.",
        ]
        yield "\n\n".join(part for part in said if part)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(json.dumps({"page": str(PAGE), "bytes": PAGE.stat().st_size}))


if __name__ == "__main__":
    main()
