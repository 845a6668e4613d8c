"""The SES front: Amazon SES's API v1 and v2, spoken so that an unchanged application need not know the difference."""
