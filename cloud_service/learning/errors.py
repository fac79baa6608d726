"""Why no model was learned or released."""

from biosignal.errors import BedsideError, RefusedForSafety


class NothingToLearn(RefusedForSafety):
    """There are no usable reviews."""

    remedy = "review what findings rest on first; the data set's manifest says which were left out and why"


class RefitImpossible(RefusedForSafety):
    """The released bundle cannot be refitted."""

    remedy = "release a bundle with `anchor.npz` and one Gemm head named `head.weight`, `head.bias` (`export train`)"


class NotReleasable(RefusedForSafety):
    """The candidate may not be released."""

    remedy = "read the candidate's report; only a candidate that passed every gate can be released, and only once"


class LearningFailed(BedsideError):
    """A job ended without a candidate."""

    remedy = "read the reason in the job; correct it and start a new job"
