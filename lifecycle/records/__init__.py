"""What lifecycle remembers, a table or two to each module."""
