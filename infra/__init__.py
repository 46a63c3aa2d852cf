"""What makes of this a stack, here or in AWS. Never part of a deployed package."""
