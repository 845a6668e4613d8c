"""What happened: notifications in, what they say about our mail, and events out to those who must know."""
