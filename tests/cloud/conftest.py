import pytest

from cloud_service.database.connection import open_database


@pytest.fixture
def database(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'clinic.db'}")
    yield database
    database.close()
