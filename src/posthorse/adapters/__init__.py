"""The edge: real clocks, randomness, ids and network behind the ports of posthorse.mail.ports."""
