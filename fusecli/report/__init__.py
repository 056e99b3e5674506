"""What was done and how well: the record of a run as JSON or CSV, and pages for people to look at."""
