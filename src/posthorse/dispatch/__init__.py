"""Send it on: routes, plans, couriers."""
