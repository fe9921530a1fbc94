"""What all tests share: where the real data is, and small rows to build on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no fault in the code: how long an example takes is not a test here.
settings.register_profile("prefkit", deadline=None)
settings.load_profile("prefkit")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data written by others; without it the test is skipped, loudly."""
    place = os.environ.get("PREFKIT_REAL_DATA")
    if not place:
        pytest.skip("PREFKIT_REAL_DATA is not set: this test needs real data and did NOT run")
    path = Path(place)
    if not path.is_dir():
        pytest.fail(f"PREFKIT_REAL_DATA names {path}, which is no folder")
    return path.resolve()
