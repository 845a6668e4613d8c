"""Rehearse: simulated providers on real sockets, faults, load, and the seeded world."""
