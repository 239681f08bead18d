"""The `receiver` command under its own name, for programs that find it by PATH."""

import os
import sys
from pathlib import Path

from tests.cli.processes import ROOT

_SCRIPT = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from receiver.cli import main
main()
"""


def path_with_receiver(folder: Path) -> str:
    """Make the command in `folder`, and return a PATH that begins there."""
    folder.mkdir()
    script = folder / "receiver"
    script.write_text(_SCRIPT)
    script.chmod(0o755)
    return os.pathsep.join([str(folder), os.environ["PATH"]])
