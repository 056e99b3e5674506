"""All models on one pair: what each makes of it, how well, and at what cost."""
