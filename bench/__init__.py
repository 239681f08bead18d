"""Load and growth, each as ratios measured within one run: `make bench`, `make bench-growth`."""
