"""The demo: everything on this machine, with a store beside it and a real order history going through."""

from plugin.demo.show import run

__all__ = ["run"]
