"""The ways out: one file per provider, sending and notifications together."""
