"""What tests of several parts share: one PostgreSQL server for all of them, and how properties draw.

The same commit draws the same inputs each time, so that a change is not blamed for what an unlucky draw found.
`--hypothesis-profile=wander` draws others at each run: that is how new ones are looked for.
"""

import pytest
from hypothesis import settings

from tests.postgres import empty_database, initdb, running_postgres

settings.register_profile("same", derandomize=True)
settings.register_profile("wander", derandomize=False)
settings.load_profile("same")


@pytest.fixture(scope="session")
def postgres():
    """URL of a server of our own; where PostgreSQL is not installed, the test is skipped."""
    if initdb() is None:
        pytest.skip("initdb is not installed")
    with running_postgres() as url:
        yield url


@pytest.fixture
def postgres_database(postgres):
    """URL of an empty database on that server."""
    return empty_database(postgres)
