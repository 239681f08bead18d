"""What goes when its time is over: families, days, and lines of logs, in small pieces."""
