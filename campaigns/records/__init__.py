"""What campaigns remembers: runs of plays, enrolments, and what came of them."""
