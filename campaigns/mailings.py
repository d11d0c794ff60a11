"""Mailings, as the rest of the house sees them: the e-mails that the program sends by itself, and who wants them."""

from __future__ import annotations

from campaigns.rules.mailings import (
    EVENING,
    FRESH,
    LONGEST_LINE,
    LONGEST_PAGE,
    LONGEST_SUBJECT,
    MORNING,
    MOST_A_WEEK,
    WARNED_DAYS,
    Kind,
    Mailings,
    Words,
    evening,
)
from campaigns.service.choosing import Due, choose, told
from campaigns.service.mail_choices import choice, is_theirs, path_of, set_choice, set_kinds, unwanted
from campaigns.service.mailings import (
    DOMAIN,
    SHOWN_DAYS,
    Figures,
    MailingsChanged,
    MailingsRefused,
    Stated,
    draft,
    figures,
    purge,
    state,
    zone_of,
)
from campaigns.service.noting import note_due

__all__ = [
    "DOMAIN",
    "EVENING",
    "FRESH",
    "LONGEST_LINE",
    "LONGEST_PAGE",
    "LONGEST_SUBJECT",
    "MORNING",
    "MOST_A_WEEK",
    "SHOWN_DAYS",
    "WARNED_DAYS",
    "Due",
    "Figures",
    "Kind",
    "Mailings",
    "MailingsChanged",
    "MailingsRefused",
    "Stated",
    "Words",
    "choice",
    "choose",
    "draft",
    "evening",
    "figures",
    "is_theirs",
    "note_due",
    "path_of",
    "purge",
    "set_choice",
    "set_kinds",
    "state",
    "told",
    "unwanted",
    "zone_of",
]
