"""The checker's mode `--multilang`: who reads are record processors, which children of several sidecars are."""
