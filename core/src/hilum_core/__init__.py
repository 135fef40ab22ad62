"""The core of Hilum: associations and a durable queue; everything else is a plugin."""
