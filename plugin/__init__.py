"""The doors: everything through which somebody or something comes in. Flask lives here and nowhere else."""

from plugin.web import Doors, create_app

__all__ = ["Doors", "create_app"]
