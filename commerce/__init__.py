"""The words of the house: frozen values and ports, standard library only, no I/O and no clock.

Every other package speaks in these. Import from the module that owns the noun (``commerce.money``,
``commerce.orders``).
"""
