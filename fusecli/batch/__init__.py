"""Many cases: a plan made of files, run by one of three engines, with a record for each case that survives."""
