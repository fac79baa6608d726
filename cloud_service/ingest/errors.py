"""What can go wrong between broker and database."""

from biosignal.errors import BedsideError


class IngestStopped(BedsideError):
    """The worker that stores events does not work any more."""

    remedy = (
        "start the process again; what was not receipted is sent again by the devices. Look at the log for the cause"
    )
