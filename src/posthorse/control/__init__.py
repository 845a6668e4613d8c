"""Control: what operators ask of a gateway, by socket while it runs, on the spool itself while it does not.

Promise: a command means the same either way, and what it changes is in the spool with the name of who did it. The rooms
below know nothing of commands; the command line (`cli`) only reads arguments and prints replies.
"""
