"""The folder for what is no result and may be lost: smoke runs' tables and figures, locks."""

import getpass
import os
import tempfile
from pathlib import Path

# each user of a machine has a folder of their own
_USER = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
FOLDER = Path(tempfile.gettempdir()) / f"mkdkit-{_USER}"
