"""What can be set about the diagnosis."""

from dataclasses import dataclass

from biosignal.errors import BadInput


@dataclass(frozen=True, kw_only=True, slots=True)
class DiagnosisLimits:
    """Which leads are shown, and when a statement persists.

    Parameters
    ----------
    rejected_share : a lead is not shown in a window of which more seconds, 0 to 1, cannot be assessed.
    least_leads : with fewer of the eight leads nothing becomes a finding.
    infarction_from, st_t_from, conduction_from, hypertrophy_from : a window counts for the finding from this
        probability on. The defaults keep 95 of 100 records without the statement below them, in the folds that trained,
        each scored by a network that had not seen its fold.
    persist, within : a finding opens with so many windows of the last so many, and ends when all of these are below.

    Raises
    ------
    BadInput : a limit is out of order.
    """

    rejected_share: float = 0.2
    least_leads: int = 6
    infarction_from: float = 0.464
    st_t_from: float = 0.589
    conduction_from: float = 0.376
    hypertrophy_from: float = 0.296
    persist: int = 3
    within: int = 6

    def __post_init__(self) -> None:
        shares = (
            self.rejected_share,
            self.infarction_from,
            self.st_t_from,
            self.conduction_from,
            self.hypertrophy_from,
        )
        if not all(0.0 <= one <= 1.0 for one in shares):
            raise BadInput("shares and probabilities lie between 0 and 1", remedy="give `infarction_from` as 0.5")
        if not (1 <= self.persist <= self.within <= 360 and 1 <= self.least_leads <= 8):
            raise BadInput("a count is out of order", remedy="give `persist` 3, `within` 6 and `least_leads` 1 to 8")
