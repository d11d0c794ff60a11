"""Every speed that the README claims, as a program that anyone can run: `make bench`, or `python -m bench settle`.

Each suite sets its own stage (an embedded database in a temporary directory, real processes, bodies in the platform's
full shape) and removes it again. Rows go to standard output, progress to standard error, and the last line is one
JSON object.
"""
