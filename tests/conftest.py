"""What all tests share: the scripted source, and proof that the wheel is tested where the wheel is meant."""

import os
import sys
from pathlib import Path

from hypothesis import settings

import wellhead

HERE = Path(__file__).parent

# Two cores shared with real servers: how long an example takes says nothing about the code.
settings.register_profile("wellhead", deadline=None)
settings.load_profile("wellhead")

# The scripted source and its schema lie in a folder of their own, as an outside author's distribution would.
sys.path.append(str(HERE / "site"))

if os.environ.get("WELLHEAD_TEST_WHEEL"):
    assert HERE.parent / "src" not in Path(wellhead.__file__).parents, "the wheel is to be tested, not the checkout"
