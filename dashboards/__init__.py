"""What people see: templates, style, icons. The hub renders them; nothing here computes a figure."""

from pathlib import Path

_HERE = Path(__file__).parent
TEMPLATES = _HERE / "templates"
STATIC_FILES = {path.name: path for path in (_HERE / "static").iterdir() if path.suffix in {".css", ".svg", ".js"}}
