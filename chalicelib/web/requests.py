"""What Chalice's request does not say by itself."""

from chalice.app import Request

from chalicelib.web.problems import Problem


def route_of(request: Request) -> str:
    """`GET /appointments/{ref}`."""
    return f"{request.method} {request.path}"


def request_id(request: Request) -> str:
    """API Gateway's, or the local server's."""
    found: str | None = request.context.get("requestId")
    return found or str(getattr(request.lambda_context, "aws_request_id", "unknown"))


def full_path(request: Request) -> str:
    """The path as the client called it, the stage before it when deployed."""
    path: str = request.context["path"]
    # A lone surrogate in it could not be answered.
    return path.encode(errors="replace").decode()


def prefix(request: Request) -> str:
    """What deployed paths begin with: the stage, `/api`, or a custom domain's base path; empty where there is none.

    It is what the path has before as many segments as the route has: API Gateway says nowhere what it is, and the
    event's `path` has a base path, but no stage, in it.
    """
    segments = full_path(request).rstrip("/").split("/")
    return "/".join(segments[: -request.path.count("/")])


def raw_body(request: Request) -> bytes:
    """Raises Problem `malformed-json` for a text that is no Unicode."""
    try:
        body = request.raw_body
    except UnicodeEncodeError as error:
        raise Problem("malformed-json", "the body is not UTF-8") from error
    return body.encode() if isinstance(body, str) else body
