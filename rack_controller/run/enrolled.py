"""What is known of the enrolment of a rack's endpoints, for whoever answers questions about them."""

from dataclasses import dataclass

from rack_controller.run.examiner import Examiner
from rack_controller.run.holds import Holds


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Who is held, and who is ready."""

    holds: Holds
    examiner: Examiner
