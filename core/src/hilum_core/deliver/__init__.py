"""DELIVER: a lane for every sink, so that a slow or dead destination delays no other."""
