"""Catalogues of translations: one file a language."""
