"""The request examples of the platform's own pages: as they stand, and repaired."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_SEEDS: Final = Path(__file__).parent / "seeds"
#: By page: between which words the examples are, what each begins with, and our names for them.
_PAGES: Final = {
    "messaging": (
        ("\nExamples\n", "\nResponse\n"),
        "//",
        ("simple", "smartlink", "optional", "variables", "batch", "template"),
    ),
    "events": (
        ("| application/json |\n", "Request Body\n"),
        '{\n"expiry"',
        ("one", "two"),
    ),
    "profiles": (
        ("##Request Examples\n", "\nRequest Body\n"),
        '{\n    "Records"',
        ("facebook", "twitter", "wechat", "in-app", "push"),
    ),
}


def _examples() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for page, ((start, end), first, names) in _PAGES.items():
        text = (_SEEDS / f"{page}.txt").read_text().partition(start)[2].partition(end)[0]
        parts = re.split(f"^(?={re.escape(first)})", text, flags=re.MULTILINE)
        shown = [f"{part.strip()}\n" for part in parts if part.strip()]
        found |= dict(zip((f"{page}-{name}" for name in names), shown, strict=True))
    return found


#: Each as it stands, by its page and a name, in the order of the pages.
EXAMPLES: Final = _examples()


def named(page: str) -> list[str]:
    """Return the names of the examples of a page."""
    return [name for name in EXAMPLES if name.startswith(page)]


def repaired(name: str) -> str:
    """Return an example as JSON: what its writer forgot or invented is put right."""
    text = re.sub(r"^ *//.*$", "", EXAMPLES[name], flags=re.MULTILINE)
    text = re.sub(r"ISODate\('([^']*)'\)", r'"\1"', text)
    text = re.sub(r"(?<=\?)\t+ *", "", text)
    text = re.sub(r'(": "[^"\n]*")(\s*\n\s*")', r"\1,\2", text)
    text = re.sub(r",(\s*})", r"\1", text)
    return text + "}" * (text.count("{") - text.count("}"))
