"""The request examples of the platform's own pages: as they stand, and repaired."""

import re
from pathlib import Path
from typing import Final

SEEDS: Final = Path(__file__).parent / "seeds"
NAMES: Final = sorted(path.stem for path in SEEDS.glob("*.txt"))


def text_of(name: str) -> str:
    """Return an example as it stands."""
    return (SEEDS / f"{name}.txt").read_text()


def repaired(text: str) -> str:
    """Return an example as JSON: what its writer forgot or invented is put right."""
    text = re.sub(r"^ *//.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"ISODate\('([^']*)'\)", r'"\1"', text)
    text = re.sub(r"(?<=\?)\t+ *", "", text)
    text = re.sub(r'(": "[^"\n]*")(\s*\n\s*")', r"\1,\2", text)
    text = re.sub(r",(\s*})", r"\1", text)
    return text + "}" * (text.count("{") - text.count("}"))
