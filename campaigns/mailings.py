"""Mailings, as the rest of the house sees them: the e-mails that the program sends by itself, and who wants them."""

from __future__ import annotations

from campaigns.service.mail_choices import choice, is_theirs, path_of, set_choice

__all__ = ["choice", "is_theirs", "path_of", "set_choice"]
