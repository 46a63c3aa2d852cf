"""`python -m local.openapi`: the OpenAPI document as a file, for whoever reads it without a running server."""

import json
from pathlib import Path

from chalicelib.web.openapi import document

FILE = Path(__file__).parent.parent / "docs" / "openapi.json"


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
