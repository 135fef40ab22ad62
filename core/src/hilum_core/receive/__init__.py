"""RECEIVE: takes objects from modalities and answers when they are on stable storage. Loads no plugin."""
