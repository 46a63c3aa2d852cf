"""A laptop's stand-in for AWS. Never part of a deployed package."""
