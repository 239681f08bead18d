"""What is kept: tables and queries by noun, the apply that folds facts into them, partitions."""
