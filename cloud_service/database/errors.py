"""What can be wrong with the database."""

from biosignal.errors import BedsideError


class DatabaseUnusable(BedsideError):
    """The database cannot be opened, written or migrated."""

    remedy = "check `database.url`, that its folder exists and is writable, and that the server is up"


class SchemaTooNew(DatabaseUnusable):
    """The database was written by a newer release."""

    remedy = "run the newer release, or restore a backup made before the update"
    exit_code = 3
