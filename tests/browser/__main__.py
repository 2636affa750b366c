"""`make screenshots`: every scene, wide and narrow, light and dark, into docs/screenshots."""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    gallery = str(Path(__file__).with_name("gallery.py"))
    sys.exit(pytest.main(["-q", "-n", "2", "-p", "no:randomly", gallery, *sys.argv[1:]]))
