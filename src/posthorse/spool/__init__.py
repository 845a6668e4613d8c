"""Keep it safe: the durable record of all we owe, with its history."""
