"""Judging whether live objects have become what was asked for: per object, by expressions, and for a whole gate."""
