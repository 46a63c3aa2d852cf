"""Holdfast: appointment scheduling in which no slot is sold twice."""
