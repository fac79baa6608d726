"""What can be wrong with the store, each with what a person does next."""

from biosignal.errors import BedsideError, RefusedForSafety


class StoreTrouble(BedsideError):
    """The store cannot do what was asked."""

    remedy = "run `edge-agent doctor` and look at the disk"


class StoreFull(StoreTrouble):
    """The disk has no space, not even what was held back for findings."""

    remedy = "free space on the disk that holds the store, or lower the waveform budget"


class StoreUnwritable(StoreTrouble):
    """The store's folder or file cannot be written."""

    remedy = "give the daemon's user write access to the store's folder, or name another folder"
    exit_code = 2


class StoreMisplaced(StoreUnwritable):
    """There can be no store where the settings put it."""


class StoreDamaged(StoreTrouble):
    """The file was found damaged while in use."""

    remedy = "restart the daemon: it sets the file aside and saves every readable row"


class StoreInUse(RefusedForSafety):
    """Another process writes to this store."""

    remedy = "stop the other daemon, or give this one a folder of its own"


class StoreUnsafe(RefusedForSafety):
    """Findings would not survive a power cut here."""

    remedy = "keep the store on a local disk with synchronous = FULL"


class StoreForeign(RefusedForSafety):
    """The file is not a store of this version's making."""

    remedy = "update the daemon, or name another file; nothing was changed"
