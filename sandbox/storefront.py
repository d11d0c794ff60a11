from __future__ import annotations

from flask import Blueprint

pages = Blueprint("storefront", __name__)
