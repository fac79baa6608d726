"""What can go wrong with webhooks."""

from biosignal.errors import BadInput, BedsideError


class AddressRefused(BadInput):
    """An address is none that messages may be sent to."""

    remedy = (
        "give an https address; one on this machine or in a private network is named in `webhooks.allow`, and plain "
        "http is for this machine alone"
    )


class NotTaken(BedsideError):
    """Whoever listens at the address did not take a message, or nobody listens."""

    remedy = "see that the program at the address runs and answers 2xx; the message is sent again"


class NoSuchWebhook(BadInput):
    """A webhook was named that is not there, or has ended."""

    remedy = "`cloud-service webhook list` names those there are"
