"""What the doctor found: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Grade(Enum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """Something looked at, how it is, and where needed how to mend it."""

    grade: Grade
    subject: str
    state: str
    remedy: str = ""

    @property
    def failed(self) -> bool:
        return self.grade is Grade.FAIL

    def __str__(self) -> str:
        mend = f" -> {self.remedy}" if self.remedy else ""
        return f"{self.grade.value:<5} {self.subject:<13} {self.state}{mend}"


def ok(subject: str, state: str) -> Finding:
    return Finding(Grade.OK, subject, state)


def warn(subject: str, state: str, remedy: str) -> Finding:
    return Finding(Grade.WARN, subject, state, remedy)


def fail(subject: str, state: str, remedy: str) -> Finding:
    return Finding(Grade.FAIL, subject, state, remedy)
