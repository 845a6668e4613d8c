"""Measurements of the gateway as users start it, side by side with Postfix on the same machine and disk."""
