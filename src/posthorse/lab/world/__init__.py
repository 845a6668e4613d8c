"""The seeded world: a gateway, its providers and clients in one thread, in virtual time, repeatable from a seed.

`loop` gives virtual time and the seeded order, `network` the byte streams and their faults, `host` processes that can
be killed or paused at any instant, `ports` the clock, randomness and ids of a host.
"""
