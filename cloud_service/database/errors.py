"""What can be wrong with the database."""

from biosignal.errors import BedsideError


class DatabaseUnusable(BedsideError):
    """The database cannot be opened, written or migrated."""

    remedy = "check `database.url`, that its folder exists and is writable, and that the server is up"


class DatabaseDamaged(DatabaseUnusable):
    """The database's file is not whole. It is left as it is: what can still be read of it may be all there is."""

    remedy = (
        "keep a copy of the file and its -wal, put the newest backup in its place, start again and say "
        "`cloud-service send-again`: what arrived since is still on the devices, as far as their budget reaches"
    )


class SchemaTooNew(DatabaseUnusable):
    """The database was written by a newer release."""

    remedy = "run the newer release, or restore a backup made before the update"
    exit_code = 3


class BackupImpossible(BedsideError):
    """The database cannot be copied here, or not by this program."""

    remedy = "name a new file in a folder that is writable and has space for the whole database"
    exit_code = 2
