"""What tests of several parts share: one PostgreSQL server for all of them."""

import pytest

from tests.postgres import empty_database, initdb, running_postgres


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
