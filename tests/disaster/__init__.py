"""What becomes of responses when parts of the gateway die: what was announced is there, and nothing is there by halves."""
