"""A router under load whose processes die at random: `make soak MINUTES=20`. No part of any distribution."""
