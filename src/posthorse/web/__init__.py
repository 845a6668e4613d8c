"""Look: health, metrics and later pages over HTTP; fronts that speak HTTP are mounted here by the daemon."""
