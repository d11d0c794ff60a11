"""Surveys, as the rest of the house sees them: what is asked, whom, and what was answered."""

from __future__ import annotations

from lifecycle.rules.surveys import LONGEST_QUESTION, SCALES, BadSurvey, Grade, Kind, Score, Survey, grade
from lifecycle.service.surveys import (
    SurveyEnded,
    answer,
    answers,
    answers_of,
    ask_due,
    current_survey,
    forget_words,
    look_after,
    open_answers,
    path_of,
    question,
    scores,
    state_survey,
    unanswered,
)

__all__ = [
    "LONGEST_QUESTION",
    "SCALES",
    "BadSurvey",
    "Grade",
    "Kind",
    "Score",
    "Survey",
    "SurveyEnded",
    "answer",
    "answers",
    "answers_of",
    "ask_due",
    "current_survey",
    "forget_words",
    "grade",
    "look_after",
    "open_answers",
    "path_of",
    "question",
    "scores",
    "state_survey",
    "unanswered",
]
