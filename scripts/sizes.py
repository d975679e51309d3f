"""Holds modules to 300 lines and functions to 70, so that each can be read at one sitting."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

MODULE_MAX = 300
FUNCTION_MAX = 70
FOLDERS = ["protocol", "edge", "hub", "firmware_config", "dashboards", "demo", "bench", "scripts"]


def main() -> int:
    """Print what is too long; returns how much of it there is."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "--", *(f"{folder}/*.py" for folder in FOLDERS)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    long = [line for path in map(Path, listed) if path.exists() for line in _long(path)]
    print("\n".join(long) if long else "sizes: every module and function is short enough")
    return len(long)


def _long(path: Path) -> list[str]:
    text = path.read_text("utf-8")
    lines = text.count("\n")
    found = [f"{path}: {lines} lines, at most {MODULE_MAX}"] if lines > MODULE_MAX else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_MAX:
                found.append(f"{path}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION_MAX}")
    return found


if __name__ == "__main__":
    sys.exit(main())
