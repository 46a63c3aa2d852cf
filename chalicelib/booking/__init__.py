"""What a clinic would recognise: publish, list, reserve, confirm, release, sweep."""
