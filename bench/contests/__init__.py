"""What is raced for: a module for each contest, with its name and its rounds."""
