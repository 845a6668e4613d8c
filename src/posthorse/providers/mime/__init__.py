"""MIME taken apart: what a structured provider needs of a message, or why it cannot have it without a loss."""
