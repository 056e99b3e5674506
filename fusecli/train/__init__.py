"""Training: pairs from a folder, the loss, and the loop."""

from fusecli.train.session import TrainingSession, start

__all__ = ["TrainingSession", "start"]
