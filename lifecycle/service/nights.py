"""A shop's night: read every order that counts, fit and try the models, reckon everybody, write what has changed.

All of it in columns: a million customers are some hundred megabytes, for half a minute, in a process that ends then.
It is safe to kill at any moment: each portion is a transaction of its own, a second run finds the rows of the first
written and writes the rest. While a night is reckoned it holds the shop's lock of values, so no single look comes
between reading and writing; who is asked for meanwhile is looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commerce.ids import ShopId
from engine.work import Database, UnitOfWork
from lifecycle.prediction import choice as choices
from lifecycle.prediction import histories, scores
from lifecycle.prediction.choice import Choice
from lifecycle.prediction.histories import Histories
from lifecycle.records import values as records
from lifecycle.rules import values as rules
from lifecycle.service import values
from lifecycle.service.values import Basis

# Customers whose rows are compared and written in one transaction: about a second of work.
PORTION = 25_000
# The models are fitted anew, and tried on the shop's past, once a week, or when a tenth of the orders is new.
FITTED_FOR = timedelta(days=7)
GROWN = 1.1
# Models are kept for a year: what a number was reckoned by can be told as long.
MODELS_KEPT = timedelta(days=366)

EVERYBODY = 2**63 - 1
