"""RETAIN: removes the bytes of objects that are settled for long enough, and nothing else ever; keeps the queue's reserve of disk."""
