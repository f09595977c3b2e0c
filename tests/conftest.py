"""Shared fixtures: no network, fixed hypothesis profile, the tiny city."""

import os
import tempfile

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("qzrisk", deadline=None, derandomize=True, max_examples=60,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("qzrisk")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
# Fonts cut in a test never land in the cache of the person who runs it.
os.environ["QZRISK_CACHE"] = tempfile.mkdtemp(prefix="qzrisk-test-")


@pytest.fixture(scope="session")
def tiny_city(tmp_path_factory):
    """Project file of a small second city, made here: other ids, other names, another CRS."""
    from city import write_city

    return write_city(tmp_path_factory.mktemp("tiny"))
