"""What people see: templates, style, icons. The hub renders them; nothing here computes a figure."""

from pathlib import Path
from zlib import crc32

_HERE = Path(__file__).parent
TEMPLATES = _HERE / "templates"
STATIC_FILES = {path.name: path for path in (_HERE / "static").iterdir() if path.suffix in {".css", ".svg", ".js"}}
STATIC_URLS = {name: f"/static/{name}?{crc32(path.read_bytes()):08x}" for name, path in STATIC_FILES.items()}
"""Where each file is found; the address changes with the contents, so browsers may keep what they have."""
