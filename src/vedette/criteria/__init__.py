"""The alarm language: what a tenant writes to tell which observations are OK, WARNING or CRITICAL.

Reference: alert triggering and alarms, *Alarm language*. Text becomes tokens (`tokens`), a syntax tree
(`parser`, `tree`) and a Python function (`generate`); `printer` is the way back to text.
"""

from vedette.criteria.compiled import Criteria, compile_criteria
from vedette.criteria.errors import CriteriaError
from vedette.criteria.outcome import Cause, NotYetComputable, Observed, Outcome, Sample, Verdict
from vedette.criteria.parser import parse
from vedette.criteria.printer import print_program

__all__ = [
    "Cause",
    "Criteria",
    "CriteriaError",
    "NotYetComputable",
    "Observed",
    "Outcome",
    "Sample",
    "Verdict",
    "compile_criteria",
    "parse",
    "print_program",
]
