"""Take mail in: the front doors and the one decision to take responsibility."""
